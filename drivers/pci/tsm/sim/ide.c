// SPDX-License-Identifier: GPL-2.0-only
/*
 * IDE of an endpoint or root port: the registers of the extended capability,
 * and the keys that make a stream secure (PCIe 6.33, 7.9.26).
 */
#include <linux/bitfield.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/pci-ide.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "sim.h"

#define SIM_IDE_BLOCK_BYTES	PCI_IDE_SEL_BLOCK_SIZE(SIM_IDE_NR_ADDR)

#define SIM_IDE_CTL_BITS						\
	(PCI_IDE_SEL_CTL_EN | PCI_IDE_SEL_CTL_TX_AGGR_NPR |		\
	 PCI_IDE_SEL_CTL_TX_AGGR_PR | PCI_IDE_SEL_CTL_TX_AGGR_CPL |	\
	 PCI_IDE_SEL_CTL_PCRC_EN | PCI_IDE_SEL_CTL_CFG_EN |		\
	 PCI_IDE_SEL_CTL_PART_ENC | PCI_IDE_SEL_CTL_ALG |		\
	 PCI_IDE_SEL_CTL_TC | PCI_IDE_SEL_CTL_DEFAULT |			\
	 PCI_IDE_SEL_CTL_TEE_LIMITED | PCI_IDE_SEL_CTL_ID)
#define SIM_IDE_ADDR_1_BITS						\
	(PCI_IDE_SEL_ADDR_1_VALID | PCI_IDE_SEL_ADDR_1_BASE_LOW |	\
	 PCI_IDE_SEL_ADDR_1_LIMIT_LOW)
#define SIM_IDE_RID_2_BITS						\
	(PCI_IDE_SEL_RID_2_VALID | PCI_IDE_SEL_RID_2_BASE |		\
	 PCI_IDE_SEL_RID_2_SEG)

static_assert(SIM_EXT_IDE + 4 * SIM_IDE_MAX_REGS_DW < PCI_CFG_SPACE_EXP_SIZE);
static_assert(SIM_IDE_BLOCK_BYTES == 4 * SIM_IDE_STREAM_DW);

static struct sim_ide_port *sim_ide_partner(struct sim_ide_port *port)
{
	struct sim_device *d = port->dev;

	return port == &d->ide ? &d->port_ide : &d->ide;
}

/*
 * A stream id names the block that has it in its control register. Blocks that
 * are not set up have ids, too (a reserved one, or 0 after a teardown), hence
 * the look at the RID association.
 */
static struct sim_ide_stream *sim_ide_find(struct sim_ide_port *port,
					   u8 stream_id)
{
	for (int i = 0; i < port->nr_streams; i++) {
		struct sim_ide_stream *s = &port->streams[i];

		if (FIELD_GET(PCI_IDE_SEL_CTL_ID, s->ctl) == stream_id &&
		    s->rid[1] & PCI_IDE_SEL_RID_2_VALID)
			return s;
	}
	return NULL;
}

static void sim_ide_forget(struct sim_ide_stream *s)
{
	memzero_explicit(s->keys, sizeof(s->keys));
}

static bool sim_ide_key_agrees(const struct sim_ide_key *a,
			       const struct sim_ide_key *b)
{
	return a->valid && a->go && b->valid && b->go &&
	       !memcmp(a->key, b->key, sizeof(a->key)) &&
	       !memcmp(a->iv, b->iv, sizeof(a->iv));
}

/* What one end sends with, the other receives with, in each sub-stream */
static bool sim_ide_set_agrees(const struct sim_ide_stream *a,
			       const struct sim_ide_stream *b, int set)
{
	for (int dir = 0; dir < SIM_IDE_DIRECTIONS; dir++)
		for (int sub = 0; sub < SIM_IDE_SUB_STREAMS; sub++)
			if (!sim_ide_key_agrees(&a->keys[set][dir][sub],
						&b->keys[set][!dir][sub]))
				return false;
	return true;
}

/*
 * Linux reads the state right after it enabled this end, one end after the
 * other. So the partner must have its keys and use them, but need not be
 * enabled.
 */
static bool sim_ide_stream_secure(struct sim_ide_port *port,
				  const struct sim_ide_stream *s)
{
	struct sim_ide_stream *partner;

	if (!(s->ctl & PCI_IDE_SEL_CTL_EN))
		return false;
	if (sim_fault_never_secure(port->dev))
		return false;

	partner = sim_ide_find(sim_ide_partner(port),
			       FIELD_GET(PCI_IDE_SEL_CTL_ID, s->ctl));
	if (!partner)
		return false;

	for (int set = 0; set < SIM_IDE_KEY_SETS; set++)
		if (sim_ide_set_agrees(s, partner, set))
			return true;
	return false;
}

static u32 sim_ide_cap(struct sim_ide_port *port)
{
	u32 cap = PCI_IDE_CAP_SELECTIVE | PCI_IDE_CAP_SEL_CFG |
		  PCI_IDE_CAP_TEE_LIMITED |
		  FIELD_PREP(PCI_IDE_CAP_ALG, PCI_IDE_CAP_ALG_AES_GCM_256) |
		  FIELD_PREP(PCI_IDE_CAP_SEL_NUM, port->nr_streams - 1);

	/* The root port gets its keys from the platform, not by IDE_KM */
	if (port == &port->dev->ide)
		cap |= PCI_IDE_CAP_IDE_KM;
	return cap;
}

static u32 sim_ide_read_stream(struct sim_ide_port *port,
			       struct sim_ide_stream *s, unsigned int reg)
{
	switch (reg) {
	case PCI_IDE_SEL_CAP:
		return FIELD_PREP(PCI_IDE_SEL_CAP_ASSOC_NUM, SIM_IDE_NR_ADDR);
	case PCI_IDE_SEL_CTL:
		return s->ctl;
	case PCI_IDE_SEL_STS:
		return FIELD_PREP(PCI_IDE_SEL_STS_STATE,
				  sim_ide_stream_secure(port, s) ?
				  PCI_IDE_SEL_STS_STATE_SECURE :
				  PCI_IDE_SEL_STS_STATE_INSECURE);
	case PCI_IDE_SEL_RID_1:
	case PCI_IDE_SEL_RID_2:
		return s->rid[(reg - PCI_IDE_SEL_RID_1) / 4];
	default:
		reg = (reg - PCI_IDE_SEL_ADDR_1(0)) / 4;
		return s->addr[reg / 3][reg % 3];
	}
}

/**
 * sim_ide_read() - read a register of the IDE extended capability
 * @port: endpoint's or root port's IDE
 * @reg: offset of the dword from the capability header
 *
 * Context: under sim_device::lock.
 * Return: the register, 0 behind the capability.
 */
u32 sim_ide_read(struct sim_ide_port *port, unsigned int reg)
{
	unsigned int i;

	lockdep_assert_held(&port->dev->lock);
	switch (reg) {
	case 0:
		return 1 << 16 | PCI_EXT_CAP_ID_IDE;
	case PCI_IDE_CAP:
		return sim_ide_cap(port);
	case PCI_IDE_CTL:
		/* Flow-through is for switches */
		return 0;
	}

	reg -= PCI_IDE_LINK_STREAM_0;
	i = reg / SIM_IDE_BLOCK_BYTES;
	if (i >= port->nr_streams)
		return 0;
	return sim_ide_read_stream(port, &port->streams[i],
				   reg % SIM_IDE_BLOCK_BYTES);
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_read);

static void sim_ide_write_ctl(struct sim_ide_stream *s, u32 val, u32 mask)
{
	u32 new = (s->ctl & ~mask) | (val & mask);
	u32 old = s->ctl;

	new &= SIM_IDE_CTL_BITS;
	/* While enabled, only the enable bit may be written (7.9.26.5.2) */
	if (old & new & PCI_IDE_SEL_CTL_EN)
		return;

	s->ctl = new;
	/* Keys are of the stream that was: its end, or a block's new stream id */
	if ((old & ~new & PCI_IDE_SEL_CTL_EN) ||
	    ((old ^ new) & PCI_IDE_SEL_CTL_ID))
		sim_ide_forget(s);
}

/* Returns whether the register has another content now */
static bool sim_ide_write_stream(struct sim_ide_stream *s, unsigned int reg,
				 u32 val, u32 mask)
{
	u32 *p, bits, old;

	switch (reg) {
	case PCI_IDE_SEL_CAP:
	case PCI_IDE_SEL_STS:
		return false;
	case PCI_IDE_SEL_CTL:
		old = s->ctl;
		sim_ide_write_ctl(s, val, mask);
		return s->ctl != old;
	case PCI_IDE_SEL_RID_1:
		p = &s->rid[0];
		bits = PCI_IDE_SEL_RID_1_LIMIT;
		break;
	case PCI_IDE_SEL_RID_2:
		p = &s->rid[1];
		bits = SIM_IDE_RID_2_BITS;
		break;
	default:
		reg = (reg - PCI_IDE_SEL_ADDR_1(0)) / 4;
		p = &s->addr[reg / 3][reg % 3];
		bits = reg % 3 ? U32_MAX : SIM_IDE_ADDR_1_BITS;
	}

	old = *p;
	*p = ((old & ~mask) | (val & mask)) & bits;
	/* A block without partner is no stream, whatever its id */
	if (p == &s->rid[1] && !(*p & PCI_IDE_SEL_RID_2_VALID))
		sim_ide_forget(s);
	return *p != old;
}

/**
 * sim_ide_write() - write a register of the IDE extended capability
 * @port: endpoint's or root port's IDE
 * @reg: offset of the dword from the capability header
 * @val: value
 * @mask: bits of @val that are written
 *
 * Context: under sim_device::lock.
 */
void sim_ide_write(struct sim_ide_port *port, unsigned int reg, u32 val,
		   u32 mask)
{
	struct sim_device *d = port->dev;
	unsigned int i;
	bool changed;

	lockdep_assert_held(&d->lock);
	if (reg < PCI_IDE_LINK_STREAM_0)
		return;

	reg -= PCI_IDE_LINK_STREAM_0;
	i = reg / SIM_IDE_BLOCK_BYTES;
	if (i >= port->nr_streams)
		return;

	changed = sim_ide_write_stream(&port->streams[i],
				       reg % SIM_IDE_BLOCK_BYTES, val, mask);
	/* The device knows its own registers, of the root port it feels the MAC */
	if (changed && port == &d->ide)
		sim_tdi_stream_changed(d, i);
	sim_tdi_check_streams(d);
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_write);

/**
 * sim_ide_init() - IDE after power on
 * @port: endpoint's or root port's IDE
 * @d: device that it is part of
 * @nr_streams: selective streams, at most SIM_IDE_PORT_STREAMS
 *
 * Return: 0, or -ENOMEM.
 */
int sim_ide_init(struct sim_ide_port *port, struct sim_device *d,
		 unsigned int nr_streams)
{
	port->dev = d;
	port->nr_streams = nr_streams;
	port->streams = kvzalloc_objs(*port->streams, nr_streams);
	return port->streams ? 0 : -ENOMEM;
}

/**
 * sim_ide_free() - undo sim_ide_init()
 * @port: endpoint's or root port's IDE, may be in its initial, zeroed state
 */
void sim_ide_free(struct sim_ide_port *port)
{
	if (port->streams)
		kvfree_sensitive(port->streams, size_mul(port->nr_streams,
							 sizeof(*port->streams)));
	port->streams = NULL;
	port->nr_streams = 0;
}

/**
 * sim_ide_reset() - conventional reset: no stream, no key
 * @port: endpoint's or root port's IDE
 *
 * Context: under sim_device::lock.
 */
void sim_ide_reset(struct sim_ide_port *port)
{
	lockdep_assert_held(&port->dev->lock);
	memzero_explicit(port->streams,
			 size_mul(port->nr_streams, sizeof(*port->streams)));
}

/**
 * sim_ide_block_secure() - is the stream of a register block secure
 * @port: endpoint's or root port's IDE
 * @block: number of the block
 *
 * Context: under sim_device::lock.
 * Return: whether its status register reads secure.
 */
bool sim_ide_block_secure(struct sim_ide_port *port, unsigned int block)
{
	lockdep_assert_held(&port->dev->lock);
	return sim_ide_stream_secure(port, &port->streams[block]);
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_block_secure);

/**
 * sim_ide_default_stream() - the stream that a TDI may be bound to (11.3.8)
 * @port: endpoint's IDE
 * @stream_id: gets the stream's id
 *
 * That of the only register block that is marked as default, which has to use
 * TC0 and to be secure: then it has keys for all sub-streams.
 *
 * Context: under sim_device::lock.
 * Return: number of the block, or -ENOKEY if there is none such.
 */
int sim_ide_default_stream(struct sim_ide_port *port, u8 *stream_id)
{
	int found = -ENOKEY;

	lockdep_assert_held(&port->dev->lock);
	for (int i = 0; i < port->nr_streams; i++) {
		const struct sim_ide_stream *s = &port->streams[i];

		if (!(s->ctl & PCI_IDE_SEL_CTL_DEFAULT))
			continue;
		if (found >= 0)
			return -ENOKEY;
		if (FIELD_GET(PCI_IDE_SEL_CTL_TC, s->ctl) ||
		    !sim_ide_stream_secure(port, s))
			return -ENOKEY;
		*stream_id = FIELD_GET(PCI_IDE_SEL_CTL_ID, s->ctl);
		found = i;
	}
	return found;
}

static struct sim_ide_key *sim_ide_slot(struct sim_ide_port *port, u8 stream_id,
					u8 key_set, u8 direction, u8 sub_stream)
{
	struct sim_ide_stream *s;

	lockdep_assert_held(&port->dev->lock);
	if (key_set >= SIM_IDE_KEY_SETS || direction >= SIM_IDE_DIRECTIONS ||
	    sub_stream >= SIM_IDE_SUB_STREAMS)
		return NULL;

	s = sim_ide_find(port, stream_id);
	return s ? &s->keys[key_set][direction][sub_stream] : NULL;
}

/**
 * sim_ide_key_program() - put a key into a slot (6.33.3, KEY_PROG)
 * @port: endpoint's or root port's IDE
 * @stream_id: stream that a register block of @port is set up for
 * @key_set: 0 or 1
 * @direction: 0 receive, 1 transmit, seen from @port
 * @sub_stream: 0 posted, 1 non-posted, 2 completion
 * @key: AES-256 key
 * @iv: initial value
 *
 * The key is not used before sim_ide_key_go(), also if the slot's former key
 * was.
 *
 * Context: any but under sim_device::lock.
 * Return: 0, or -EINVAL if there is no such slot or stream.
 */
int sim_ide_key_program(struct sim_ide_port *port, u8 stream_id, u8 key_set,
			u8 direction, u8 sub_stream,
			const u8 key[SIM_IDE_KEY_BYTES],
			const u8 iv[SIM_IDE_IV_BYTES])
{
	struct sim_ide_key *slot;

	guard(raw_spinlock_irqsave)(&port->dev->lock);
	slot = sim_ide_slot(port, stream_id, key_set, direction, sub_stream);
	if (!slot)
		return -EINVAL;

	memcpy(slot->key, key, sizeof(slot->key));
	memcpy(slot->iv, iv, sizeof(slot->iv));
	slot->valid = true;
	slot->go = false;
	sim_tdi_check_streams(port->dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_key_program);

/**
 * sim_ide_key_go() - start to use a key (6.33.3, K_SET_GO)
 * @port: endpoint's or root port's IDE
 * @stream_id: stream that a register block of @port is set up for
 * @key_set: 0 or 1
 * @direction: 0 receive, 1 transmit, seen from @port
 * @sub_stream: 0 posted, 1 non-posted, 2 completion
 *
 * Context: any but under sim_device::lock.
 * Return: 0, -EINVAL if there is no such slot or stream, -ENOKEY if the slot
 * is empty.
 */
int sim_ide_key_go(struct sim_ide_port *port, u8 stream_id, u8 key_set,
		   u8 direction, u8 sub_stream)
{
	struct sim_ide_key *slot;

	guard(raw_spinlock_irqsave)(&port->dev->lock);
	slot = sim_ide_slot(port, stream_id, key_set, direction, sub_stream);
	if (!slot)
		return -EINVAL;
	if (!slot->valid)
		return -ENOKEY;
	slot->go = true;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_key_go);

/**
 * sim_ide_key_stop() - stop to use a key, and forget it (6.33.3, K_SET_STOP)
 * @port: endpoint's or root port's IDE
 * @stream_id: stream that a register block of @port is set up for
 * @key_set: 0 or 1
 * @direction: 0 receive, 1 transmit, seen from @port
 * @sub_stream: 0 posted, 1 non-posted, 2 completion
 *
 * Context: any but under sim_device::lock.
 * Return: 0, or -EINVAL if there is no such slot or stream.
 */
int sim_ide_key_stop(struct sim_ide_port *port, u8 stream_id, u8 key_set,
		     u8 direction, u8 sub_stream)
{
	struct sim_ide_key *slot;

	guard(raw_spinlock_irqsave)(&port->dev->lock);
	slot = sim_ide_slot(port, stream_id, key_set, direction, sub_stream);
	if (!slot)
		return -EINVAL;
	memzero_explicit(slot, sizeof(*slot));
	sim_tdi_check_streams(port->dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_key_stop);

/**
 * sim_ide_stream_forget() - the session that keyed a stream ended (11.4.5)
 * @port: endpoint's or root port's IDE
 * @stream_id: stream
 *
 * Its keys are gone, so it is insecure from now on, at both ends.
 *
 * Context: any but under sim_device::lock.
 */
void sim_ide_stream_forget(struct sim_ide_port *port, u8 stream_id)
{
	struct sim_ide_stream *s;

	guard(raw_spinlock_irqsave)(&port->dev->lock);
	s = sim_ide_find(port, stream_id);
	if (s)
		sim_ide_forget(s);
	sim_tdi_check_streams(port->dev);
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_stream_forget);

/**
 * sim_ide_read_regs() - the registers as QUERY_RESP carries them
 * @port: endpoint's or root port's IDE
 * @dw: buffer
 * @n: its size in dwords
 *
 * Context: any but under sim_device::lock.
 * Return: dwords written, from the capability register on.
 */
size_t sim_ide_read_regs(struct sim_ide_port *port, u32 *dw, size_t n)
{
	n = min_t(size_t, n, SIM_IDE_REGS_DW(port->nr_streams));

	guard(raw_spinlock_irqsave)(&port->dev->lock);
	for (size_t i = 0; i < n; i++)
		dw[i] = sim_ide_read(port, PCI_IDE_CAP + 4 * i);
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_read_regs);

/**
 * sim_ide_port_secure() - is any stream of the port secure
 * @port: endpoint's or root port's IDE
 *
 * Context: under sim_device::lock.
 * Return: true if the status register of a stream reads secure.
 */
bool sim_ide_port_secure(struct sim_ide_port *port)
{
	lockdep_assert_held(&port->dev->lock);
	for (int i = 0; i < port->nr_streams; i++)
		if (sim_ide_stream_secure(port, &port->streams[i]))
			return true;
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(sim_ide_port_secure);
