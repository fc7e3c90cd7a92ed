// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest of KVM that does what a test tells it. See tsm_guest.h for what each
 * function promises.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tsm_guest.h"

#define RAM_BYTES	0x10000

#ifdef __x86_64__

#define CODE		0x1000
#define COMMAND		0x2000	/* as the code has it */
#define PORT		0x80

/* As the code has them */
enum guest_op {
	OP_LOAD = 1,
	OP_STORE,
	OP_COUNT,
};

/**
 * struct command - what the guest is to do, in its memory
 * @op: &enum guest_op
 * @gpa: where
 * @val: what to store, or what was loaded
 * @stop: do not go on counting
 * @counted: the guest has begun to count
 */
struct command {
	uint32_t op;
	uint32_t gpa;
	uint32_t val;
	uint32_t stop;
	uint32_t counted;
};

/* 32-bit code without paging, that can be anywhere */
static const uint8_t code[] = {
	0xbb, 0x00, 0x20, 0x00, 0x00,			/* next: mov $COMMAND, %ebx */
	0x8b, 0x03,					/* mov (%ebx), %eax: op */
	0x8b, 0x73, 0x04,				/* mov 4(%ebx), %esi: gpa */
	0x8b, 0x4b, 0x08,				/* mov 8(%ebx), %ecx: val */
	0x83, 0xf8, 0x01,				/* cmp $OP_LOAD, %eax */
	0x74, 0x0c,					/* je load */
	0x83, 0xf8, 0x02,				/* cmp $OP_STORE, %eax */
	0x74, 0x0e,					/* je store */
	0x83, 0xf8, 0x03,				/* cmp $OP_COUNT, %eax */
	0x74, 0x0d,					/* je count */
	0x0f, 0x0b,					/* ud2 */
	0x8b, 0x0e,					/* load: mov (%esi), %ecx */
	0x89, 0x4b, 0x08,				/* mov %ecx, 8(%ebx) */
	0xeb, 0x14,					/* jmp done */
	0x89, 0x0e,					/* store: mov %ecx, (%esi) */
	0xeb, 0x10,					/* jmp done */
	0x41,						/* count: inc %ecx */
	0x89, 0x0e,					/* mov %ecx, (%esi) */
	0xc7, 0x43, 0x10, 0x01, 0x00, 0x00, 0x00,	/* movl $1, 16(%ebx) */
	0x83, 0x7b, 0x0c, 0x00,				/* cmpl $0, 12(%ebx): stop */
	0x74, 0xf0,					/* je count */
	0xe6, PORT,					/* done: out %al, $PORT */
	0xeb, 0xc3,					/* jmp next */
};

static struct command *command(struct guest *g)
{
	return (struct command *)(g->ram + COMMAND);
}

static int set_regs(struct guest *g)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };

	return ioctl(g->vcpu, KVM_SET_REGS, &regs) ? -errno : 0;
}

/* Protected mode, all of memory in one segment */
static int set_sregs(struct guest *g)
{
	struct kvm_segment cs = {
		.limit = 0xffffffff,
		.selector = 0x8,
		.type = 0xb,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
	struct kvm_segment data = cs;
	struct kvm_sregs sregs;

	data.selector = 0x10;
	data.type = 0x3;
	if (ioctl(g->vcpu, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs = cs;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cr0 |= 1;
	return ioctl(g->vcpu, KVM_SET_SREGS, &sregs) ? -errno : 0;
}

static int add_ram(struct guest *g)
{
	struct kvm_userspace_memory_region region = {
		.slot = 0,
		.memory_size = RAM_BYTES,
	};

	g->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->ram == MAP_FAILED) {
		g->ram = NULL;
		return -errno;
	}
	memcpy(g->ram + CODE, code, sizeof(code));
	region.userspace_addr = (uintptr_t)g->ram;
	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static int add_vcpu(struct guest *g)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), size;

	if (kvm < 0)
		return -errno;
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	close(kvm);
	if (size < 0)
		return -errno;

	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	if (g->vcpu < 0)
		return -errno;
	g->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED) {
		g->run = NULL;
		return -errno;
	}
	g->run_bytes = size;
	return 0;
}

/* Give a VM its processor and memory; guest_close() also if this fails */
int guest_open(struct guest *g, int vm)
{
	int err;

	memset(g, 0, sizeof(*g));
	g->vm = vm;
	g->vcpu = -1;
	err = add_ram(g);
	err = err ?: add_vcpu(g);
	err = err ?: set_sregs(g);
	return err ?: set_regs(g);
}

/*
 * Until the command is done: 0; -EFAULT: KVM has left a fault to its user, and
 * guest_again() goes on with it; -ENXIO: there is no memory in that place;
 * -EINTR: a signal
 */
static int run(struct guest *g)
{
	bool mmio = false;

	for (;;) {
		if (ioctl(g->vcpu, KVM_RUN, NULL)) {
			int err = -errno;

			if (err == -EFAULT &&
			    g->run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
				g->fault_gpa = g->run->memory_fault.gpa;
				g->fault_private = g->run->memory_fault.flags &
						   KVM_MEMORY_EXIT_FLAG_PRIVATE;
				return err;
			}
			/* no other reason must look like that one */
			return err == -EFAULT ? -EPROTO : err;
		}
		switch (g->run->exit_reason) {
		case KVM_EXIT_IO:
			return g->run->io.port != PORT ? -EPROTO :
			       mmio ? -ENXIO : 0;
		case KVM_EXIT_MMIO:
			mmio = true;
			memset(g->run->mmio.data, 0xff,
			       sizeof(g->run->mmio.data));
			break;
		default:
			fprintf(stderr, "# guest: exit %u\n",
				g->run->exit_reason);
			return -EPROTO;
		}
	}
}

static int perform(struct guest *g, enum guest_op op, uint32_t gpa,
		   uint32_t val)
{
	int err;

	*command(g) = (struct command){ .op = op, .gpa = gpa, .val = val };
	err = set_regs(g);
	return err ?: run(g);
}

/* The guest reads a word */
int guest_load(struct guest *g, uint32_t gpa, uint32_t *val)
{
	int err = perform(g, OP_LOAD, gpa, 0);

	if (!err)
		*val = command(g)->val;
	return err;
}

/* The guest writes a word */
int guest_store(struct guest *g, uint32_t gpa, uint32_t val)
{
	return perform(g, OP_STORE, gpa, val);
}

/* After -EFAULT: let it try once more. @val: what was loaded, or NULL */
int guest_again(struct guest *g, uint32_t *val)
{
	int err = run(g);

	if (!err && val)
		*val = command(g)->val;
	return err;
}

/* The guest writes 1, 2, 3 and so on to a word until another thread stops it */
int guest_count(struct guest *g, uint32_t gpa)
{
	return perform(g, OP_COUNT, gpa, 0);
}

void guest_stop_count(struct guest *g)
{
	__atomic_store_n(&command(g)->stop, 1, __ATOMIC_SEQ_CST);
}

/* Has it written since this was asked last? */
bool guest_counts(struct guest *g)
{
	return __atomic_exchange_n(&command(g)->counted, 0, __ATOMIC_SEQ_CST);
}

#else

int guest_open(struct guest *g, int vm)
{
	memset(g, 0, sizeof(*g));
	g->vm = vm;
	g->vcpu = -1;
	return -EOPNOTSUPP;
}

int guest_load(struct guest *g, uint32_t gpa, uint32_t *val)
{
	return -EOPNOTSUPP;
}

int guest_store(struct guest *g, uint32_t gpa, uint32_t val)
{
	return -EOPNOTSUPP;
}

int guest_again(struct guest *g, uint32_t *val)
{
	return -EOPNOTSUPP;
}

int guest_count(struct guest *g, uint32_t gpa)
{
	return -EOPNOTSUPP;
}

void guest_stop_count(struct guest *g)
{
}

bool guest_counts(struct guest *g)
{
	return false;
}

#endif

/* The VM remains */
void guest_close(struct guest *g)
{
	if (g->run)
		munmap(g->run, g->run_bytes);
	if (g->vcpu >= 0)
		close(g->vcpu);
	if (g->ram)
		munmap(g->ram, RAM_BYTES);
	g->run = NULL;
	g->ram = NULL;
	g->vcpu = -1;
}

int guest_region2(int vm, const struct kvm_userspace_memory_region2 *region)
{
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION2, region) ? -errno : 0;
}

/* A part of a dma-buf becomes memory of the guest */
int guest_region(int vm, uint32_t slot, uint64_t gpa, uint64_t bytes,
		 int dma_buf, uint64_t offset)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.guest_memfd = dma_buf,
		.guest_memfd_offset = offset,
	};

	return guest_region2(vm, &region);
}

int guest_forget(int vm, uint32_t slot)
{
	struct kvm_userspace_memory_region2 region = { .slot = slot };

	return guest_region2(vm, &region);
}

int guest_set_private(int vm, uint64_t gpa, uint64_t bytes, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = gpa,
		.size = bytes,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes) ? -errno : 0;
}

/* Map memory that the guest has not touched; -EAGAIN: not all of it */
int guest_prefault(struct guest *g, uint64_t gpa, uint64_t bytes)
{
	struct kvm_pre_fault_memory range = { .gpa = gpa, .size = bytes };

	if (ioctl(g->vcpu, KVM_PRE_FAULT_MEMORY, &range))
		return -errno;
	return range.size ? -EAGAIN : 0;
}
