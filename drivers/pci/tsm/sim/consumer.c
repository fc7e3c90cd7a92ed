// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test consumer: /sys/kernel/debug/tsm-sim/consumer. It calls the core's
 * interface for TDIs the way iommufd does, without a VM.
 *
 * Each open file is like a VMM with its iommufd: what it has made goes when the
 * file is closed, or its process is killed. A write is one command, whose errno
 * it returns; a read from the same file gives the command's answer. Names are
 * those of everybody, so that many threads, with a file each, may work on the
 * same TDI. All commands are in Documentation/ABI/testing/debugfs-tsm-sim.
 *
 * Locks: sim_client::lock, then sim_names_lock, which is held for lookups only;
 * the core is called under the first.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "consumer.h"
#include "pki.h"
#include "sim.h"

/* What a command other than a request answers */
#define SIM_OUT_MIN		SZ_16K

static DEFINE_MUTEX(sim_names_lock);
static LIST_HEAD(sim_names);

static struct dentry *sim_debugfs;
static struct debugfs_blob_wrapper sim_root;

/* Objects */

static void sim_object_free(struct kref *ref)
{
	struct sim_object *o = container_of(ref, struct sim_object, ref);

	switch (o->kind) {
	case SIM_OBJECT_VM:
		if (o->vm)
			sim_vm_put(o->vm);
		break;
	case SIM_OBJECT_VIOMMU:
		if (o->viommu)
			pci_tdi_viommu_put(o->viommu);
		break;
	case SIM_OBJECT_GUEST:
		sim_guest_destroy(o->guest);
		break;
	case SIM_OBJECT_TDI:
		if (o->tdi.tdi)
			pci_tdi_put(o->tdi.tdi);
		if (o->tdi.host.pdev)
			sim_host_exit(&o->tdi.host);
		break;
	}
	kfree(o);
}

/**
 * sim_object_put() - drop a reference
 * @o: object, NULL or an error
 */
void sim_object_put(struct sim_object *o)
{
	if (!IS_ERR_OR_NULL(o))
		kref_put(&o->ref, sim_object_free);
}

static struct sim_object *sim_object_find(enum sim_object_kind kind,
					  const char *name)
{
	struct sim_object *o;

	lockdep_assert_held(&sim_names_lock);
	list_for_each_entry(o, &sim_names, node)
		if (o->kind == kind && !strcmp(o->name, name))
			return o;
	return NULL;
}

/**
 * sim_object_get() - find something by its name
 * @kind: what it is to be
 * @name: its name, may be NULL
 *
 * Return: it, for sim_object_put(); ERR_PTR(-EINVAL) without a name; -ENOENT.
 */
struct sim_object *sim_object_get(enum sim_object_kind kind, const char *name)
{
	struct sim_object *o;

	if (!name)
		return ERR_PTR(-EINVAL);
	guard(mutex)(&sim_names_lock);
	o = sim_object_find(kind, name);
	if (!o)
		return ERR_PTR(-ENOENT);
	kref_get(&o->ref);
	return o;
}

/**
 * sim_object_new() - make an object, not found by its name yet
 * @cmd: command, whose first argument is the name
 * @kind: what it is
 *
 * Return: it, with a reference; ERR_PTR(-EINVAL) without a good name; -ENOMEM.
 */
struct sim_object *sim_object_new(struct sim_cmd *cmd,
				  enum sim_object_kind kind)
{
	struct sim_object *o;

	if (cmd->nr < 2 || strlen(cmd->arg[1]) >= SIM_CMD_NAME)
		return ERR_PTR(-EINVAL);
	o = kzalloc_obj(*o);
	if (!o)
		return ERR_PTR(-ENOMEM);
	kref_init(&o->ref);
	INIT_LIST_HEAD(&o->node);
	o->kind = kind;
	o->owner = cmd->client;
	strscpy(o->name, cmd->arg[1]);
	return o;
}

/**
 * sim_object_publish() - let an object be found
 * @o: object that is complete; the table gets the caller's reference
 *
 * Return: 0; -ENOTUNIQ if there is another of this name.
 */
int sim_object_publish(struct sim_object *o)
{
	guard(mutex)(&sim_names_lock);
	if (sim_object_find(o->kind, o->name))
		return -ENOTUNIQ;
	list_add(&o->node, &sim_names);
	return 0;
}

/* The table's reference is the caller's, if it was in there */
static bool sim_object_unpublish(struct sim_object *o)
{
	guard(mutex)(&sim_names_lock);
	if (list_empty(&o->node))
		return false;
	list_del_init(&o->node);
	return true;
}

/* Not to be found any more, and gone when the last command is done with it */
static void sim_object_destroy(struct sim_object *o)
{
	if (!sim_object_unpublish(o))
		return;
	if (o->kind == SIM_OBJECT_TDI) {
		pci_tdi_destroy(o->tdi.tdi);
		sim_host_disarmed(&o->tdi.host);
	}
	sim_object_put(o);
}

static struct sim_object *sim_object_of(struct sim_client *c,
					enum sim_object_kind kind)
{
	struct sim_object *o;

	guard(mutex)(&sim_names_lock);
	list_for_each_entry(o, &sim_names, node) {
		if (o->owner == c && o->kind == kind) {
			kref_get(&o->ref);
			return o;
		}
	}
	return NULL;
}

/* Arguments */

/**
 * sim_arg() - value of "key=value"
 * @cmd: command
 * @key: key
 *
 * Return: it, NULL if it is not given.
 */
const char *sim_arg(const struct sim_cmd *cmd, const char *key)
{
	size_t len = strlen(key);

	for (unsigned int i = 1; i < cmd->nr; i++)
		if (!strncmp(cmd->arg[i], key, len) && cmd->arg[i][len] == '=')
			return cmd->arg[i] + len + 1;
	return NULL;
}

/**
 * sim_arg_u64() - value of "key=number"
 * @cmd: command
 * @key: key
 * @def: value if it is not given
 * @val: value
 *
 * Return: 0; -EINVAL or -ERANGE if it is no number.
 */
int sim_arg_u64(const struct sim_cmd *cmd, const char *key, u64 def, u64 *val)
{
	const char *text = sim_arg(cmd, key);

	*val = def;
	return text ? kstrtou64(text, 0, val) : 0;
}

/**
 * sim_arg_bytes() - bytes, of "hex=" or as many zeros as "zeros=" says
 * @cmd: command
 * @bytes: them, for kvfree(), or NULL
 * @len: how many
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int sim_arg_bytes(const struct sim_cmd *cmd, u8 **bytes, size_t *len)
{
	const char *hex = sim_arg(cmd, "hex");
	u64 zeros;
	int rc;

	*bytes = NULL;
	*len = 0;
	rc = sim_arg_u64(cmd, "zeros", 0, &zeros);
	if (rc)
		return rc;
	if (zeros > SIM_CMD_MAX || (hex && (zeros || strlen(hex) % 2)))
		return -EINVAL;

	*len = hex ? strlen(hex) / 2 : zeros;
	if (!*len)
		return 0;
	/* Not a byte more than there is: KASAN sees what the core reads */
	*bytes = kvzalloc(*len, GFP_KERNEL);
	if (!*bytes)
		return -ENOMEM;
	if (hex && hex2bin(*bytes, hex, *len)) {
		kvfree(*bytes);
		return -EINVAL;
	}
	return 0;
}

/**
 * sim_out_reserve() - begin an answer
 * @c: whose
 * @size: bytes that it may need
 *
 * Return: 0 or -ENOMEM.
 */
int sim_out_reserve(struct sim_client *c, size_t size)
{
	void *buf;

	if (size <= c->out.size) {
		seq_buf_clear(&c->out);
		return 0;
	}
	buf = kvmalloc(size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	kvfree(c->out.buffer);
	seq_buf_init(&c->out, buf, size);
	return 0;
}

/**
 * sim_out_hex() - answer with bytes
 * @out: answer
 * @bytes: them
 * @len: how many
 */
void sim_out_hex(struct seq_buf *out, const u8 *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		seq_buf_putc(out, hex_asc_hi(bytes[i]));
		seq_buf_putc(out, hex_asc_lo(bytes[i]));
	}
}

/* VMs: vm NAME [mem=BYTES], vm-put NAME, vm-show NAME */

static int sim_cmd_vm(struct sim_cmd *cmd)
{
	struct sim_vm *vm;
	u64 mem;
	int rc;

	rc = sim_arg_u64(cmd, "mem", SZ_64K, &mem);
	if (rc)
		return rc;
	if (!mem || mem > SIM_VM_MAX_MEM)
		return -EINVAL;

	struct sim_object *o __free(sim_object_put) =
		sim_object_new(cmd, SIM_OBJECT_VM);
	if (IS_ERR(o))
		return PTR_ERR(o);
	vm = sim_vm_create(mem);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	o->vm = vm;
	rc = sim_object_publish(o);
	if (!rc)
		retain_and_null_ptr(o);
	return rc;
}

/**
 * sim_cmd_destroy() - the command that ends what its first argument names
 * @cmd: command
 * @kind: what it is to be
 *
 * Return: 0, or an error of sim_object_get().
 */
int sim_cmd_destroy(struct sim_cmd *cmd, enum sim_object_kind kind)
{
	struct sim_object *o __free(sim_object_put) =
		sim_object_get(kind, cmd->arg[1]);

	if (IS_ERR(o))
		return PTR_ERR(o);
	sim_object_destroy(o);
	return 0;
}

static int sim_cmd_vm_put(struct sim_cmd *cmd)
{
	return sim_cmd_destroy(cmd, SIM_OBJECT_VM);
}

static int sim_cmd_vm_show(struct sim_cmd *cmd)
{
	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_VM, cmd->arg[1]);

	if (IS_ERR(o))
		return PTR_ERR(o);
	seq_buf_printf(&cmd->client->out, "refs=%u quarantined=%d mem=%zu\n",
		       kref_read(&o->vm->ref), atomic_read(&o->vm->quarantined),
		       o->vm->mem_size);
	return 0;
}

/* Its private memory: mem-write NAME gpa=N hex=..., mem-read NAME gpa=N len=N */

static int sim_cmd_mem_range(struct sim_cmd *cmd, struct sim_vm *vm, u64 len,
			     u8 **p)
{
	u64 gpa;
	int rc;

	rc = sim_arg_u64(cmd, "gpa", 0, &gpa);
	if (rc)
		return rc;
	if (gpa > vm->mem_size || len > vm->mem_size - gpa)
		return -EFAULT;
	*p = vm->mem + gpa;
	return 0;
}

static int sim_cmd_mem_write(struct sim_cmd *cmd)
{
	u8 *p, *bytes;
	size_t len;
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_VM, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = sim_arg_bytes(cmd, &bytes, &len);
	if (rc)
		return rc;
	rc = sim_cmd_mem_range(cmd, o->vm, len, &p);
	if (!rc)
		memcpy(p, bytes, len);
	kvfree(bytes);
	return rc;
}

static int sim_cmd_mem_read(struct sim_cmd *cmd)
{
	u64 len;
	u8 *p;
	int rc;

	struct sim_object *o __free(sim_object_put) =
		sim_object_get(SIM_OBJECT_VM, cmd->arg[1]);
	if (IS_ERR(o))
		return PTR_ERR(o);
	rc = sim_arg_u64(cmd, "len", 16, &len);
	rc = rc ?: sim_cmd_mem_range(cmd, o->vm, len, &p);
	rc = rc ?: sim_out_reserve(cmd->client, 2 * len + 2);
	if (rc)
		return rc;
	sim_out_hex(&cmd->client->out, p, len);
	seq_buf_putc(&cmd->client->out, '\n');
	return 0;
}

/* The file */

static const struct sim_command sim_vm_commands[] = {
	{ "vm", sim_cmd_vm },
	{ "vm-put", sim_cmd_vm_put },
	{ "vm-show", sim_cmd_vm_show },
	{ "mem-write", sim_cmd_mem_write },
	{ "mem-read", sim_cmd_mem_read },
	{ }
};

static const struct sim_command *sim_command_find(const char *name)
{
	const struct sim_command *tables[] = {
		sim_vm_commands, sim_tdi_commands, sim_guest_commands,
	};

	for (int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct sim_command *c = tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static int sim_client_command(struct sim_client *c, char *line)
{
	const struct sim_command *command;
	struct sim_cmd cmd = { .client = c };
	char *word;
	int rc;

	rc = sim_out_reserve(c, SIM_OUT_MIN);
	if (rc)
		return rc;
	while ((word = strsep(&line, "\n "))) {
		if (!*word)
			continue;
		if (cmd.nr == SIM_CMD_MAX_ARGS)
			return -E2BIG;
		cmd.arg[cmd.nr++] = word;
	}
	command = cmd.nr ? sim_command_find(cmd.arg[0]) : NULL;
	return command ? command->fn(&cmd) : -EINVAL;
}

static ssize_t sim_client_write(struct file *file, const char __user *buf,
				size_t count, loff_t *ppos)
{
	struct sim_client *c = file->private_data;
	char *line;
	int rc;

	if (count > SIM_CMD_MAX)
		return -E2BIG;
	line = kvmalloc(count + 1, GFP_KERNEL);
	if (!line)
		return -ENOMEM;
	if (copy_from_user(line, buf, count)) {
		kvfree(line);
		return -EFAULT;
	}
	line[count] = '\0';

	rc = mutex_lock_interruptible(&c->lock);
	if (!rc) {
		c->pos = 0;
		rc = sim_client_command(c, line);
		mutex_unlock(&c->lock);
	}
	kvfree_sensitive(line, count);
	return rc ?: count;
}

static ssize_t sim_client_read(struct file *file, char __user *buf,
			       size_t count, loff_t *ppos)
{
	struct sim_client *c = file->private_data;
	ssize_t rc;

	rc = mutex_lock_interruptible(&c->lock);
	if (rc)
		return rc;
	rc = simple_read_from_buffer(buf, count, &c->pos, c->out.buffer,
				     seq_buf_used(&c->out));
	mutex_unlock(&c->lock);
	return rc;
}

static int sim_client_open(struct inode *inode, struct file *file)
{
	struct sim_client *c = kzalloc_obj(*c);

	if (!c)
		return -ENOMEM;
	mutex_init(&c->lock);
	file->private_data = c;
	return stream_open(inode, file);
}

/* Leaves first, as iommufd does */
static int sim_client_release(struct inode *inode, struct file *file)
{
	struct sim_client *c = file->private_data;
	struct sim_object *o;

	for (int kind = SIM_OBJECT_GUEST; kind >= SIM_OBJECT_VM; kind--) {
		while ((o = sim_object_of(c, kind))) {
			sim_object_destroy(o);
			sim_object_put(o);
		}
	}
	kvfree(c->out.buffer);
	mutex_destroy(&c->lock);
	kfree(c);
	return 0;
}

static const struct file_operations sim_client_fops = {
	.owner = THIS_MODULE,
	.open = sim_client_open,
	.release = sim_client_release,
	.read = sim_client_read,
	.write = sim_client_write,
};

/**
 * sim_consumer_init() - show up in debugfs
 */
void sim_consumer_init(void)
{
	sim_debugfs = debugfs_create_dir(SIM_NAME, NULL);
	debugfs_create_file("consumer", 0600, sim_debugfs, NULL,
			    &sim_client_fops);
	sim_importer_init(sim_debugfs);

	/* never written to: the file is for reading */
	sim_root.data = (void *)sim_pki_root;
	sim_root.size = sim_pki_root_len;
	debugfs_create_blob("root.der", 0444, sim_debugfs, &sim_root);
}

/**
 * sim_consumer_exit() - undo sim_consumer_init()
 *
 * An open file keeps the module.
 */
void sim_consumer_exit(void)
{
	debugfs_remove(sim_debugfs);
}
