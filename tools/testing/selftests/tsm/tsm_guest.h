/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of KVM that does what a test tells it: one processor that reads and
 * writes guest physical memory, a word at a time. It runs from ordinary memory at
 * address 0, so that KVM can read its code. No test logic here.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise.
 */
#ifndef __TSM_GUEST_H
#define __TSM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

/* The first memslot that is not the guest's own memory */
#define GUEST_SLOT	1

/**
 * struct guest - a VM with a processor
 * @vm: file of the VM, which is the caller's
 * @vcpu: the processor, -1 if there is none
 * @run: what KVM and its user share
 * @run_bytes: size of @run
 * @ram: memory of the guest
 * @fault_gpa: where the last fault was that KVM left to its user
 * @fault_private: it was of private memory
 */
struct guest {
	int vm;
	int vcpu;
	struct kvm_run *run;
	size_t run_bytes;
	uint8_t *ram;
	uint64_t fault_gpa;
	bool fault_private;
};

int guest_open(struct guest *g, int vm);
void guest_close(struct guest *g);

int guest_load(struct guest *g, uint32_t gpa, uint32_t *val);
int guest_store(struct guest *g, uint32_t gpa, uint32_t val);
int guest_again(struct guest *g, uint32_t *val);
int guest_count(struct guest *g, uint32_t gpa);
void guest_stop_count(struct guest *g);
bool guest_counts(struct guest *g);

int guest_region(int vm, uint32_t slot, uint64_t gpa, uint64_t bytes,
		 int dma_buf, uint64_t offset);
int guest_region2(int vm, const struct kvm_userspace_memory_region2 *region);
int guest_forget(int vm, uint32_t slot);
int guest_set_private(int vm, uint64_t gpa, uint64_t bytes, bool private);
int guest_prefault(struct guest *g, uint64_t gpa, uint64_t bytes);

#endif /* __TSM_GUEST_H */
