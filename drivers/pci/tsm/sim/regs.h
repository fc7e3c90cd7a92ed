/* SPDX-License-Identifier: GPL-2.0-only */
/* What a simulated device looks like: identity, registers, capabilities, BARs */
#ifndef _TSM_SIM_REGS_H
#define _TSM_SIM_REGS_H

#include <linux/bits.h>
#include <linux/pci_regs.h>
#include <linux/sizes.h>

/* Identity of the functions; the CMA subject name of the leaf follows it */
#define SIM_VENDOR_ID		0x1b36
#define SIM_DEVICE_ID		0x0110
#define SIM_PORT_DEVICE_ID	0x0111
#define SIM_VF_DEVICE_ID	0x0112
#define SIM_CLASS		0x120000
#define SIM_REVISION		0x01
#define SIM_SUBSYS_VENDOR_ID	0x1af4
#define SIM_SUBSYS_ID		0x1100

/* DOE: the two header dwords, and the longest payload in either direction */
#define SIM_DOE_HEADER_DW	2
#define SIM_DOE_PAYLOAD_BYTES	8192
#define SIM_DOE_MAX_DW		(SIM_DOE_HEADER_DW + SIM_DOE_PAYLOAD_BYTES / 4)

#define SIM_DOE_TYPE_DISCOVERY	0
#define SIM_DOE_TYPE_CMA	1
#define SIM_DOE_TYPE_SECURED	2

/* IDE: selective streams of either end, address association blocks of each */
#define SIM_IDE_EP_STREAMS	2
#define SIM_IDE_PORT_STREAMS	64
#define SIM_IDE_NR_ADDR		2
#define SIM_IDE_KEY_SETS	2
#define SIM_IDE_DIRECTIONS	2	/* 0 Rx, 1 Tx, seen from the port itself */
#define SIM_IDE_SUB_STREAMS	3	/* PR, NPR, CPL */
#define SIM_IDE_KEY_BYTES	32
#define SIM_IDE_IV_BYTES	8
/* CAP, CTL, and per stream CAP, CTL, STS, RID 1-2 and 3 dwords per block */
#define SIM_IDE_STREAM_DW	(5 + 3 * SIM_IDE_NR_ADDR)
#define SIM_IDE_REGS_DW(n)	(2 + (n) * SIM_IDE_STREAM_DW)
#define SIM_IDE_MAX_REGS_DW	SIM_IDE_REGS_DW(SIM_IDE_PORT_STREAMS)

/*
 * Layout of a function's config space. What is below SIM_CFG_SHADOW_BYTES is
 * kept as registers with write masks (config.c), the mailbox behind its header
 * and IDE have models of their own. The root port has IDE at the same place.
 */
#define SIM_CAP_PM		0x40
#define SIM_CAP_AF		0x48
#define SIM_CAP_EXP		0x50
#define SIM_CAP_MSIX		0x90
#define SIM_EXT_DOE		0x100
#define SIM_EXT_SRIOV		0x140
#define SIM_EXT_DMA		0x180
#define SIM_CFG_SHADOW_BYTES	0x200
#define SIM_EXT_IDE		0x200

/* TDISP: a nonce, and the longest interface report */
#define SIM_TDI_NONCE_BYTES	32
#define SIM_TDI_REPORT_BYTES	256

/*
 * BARs: all 64-bit and prefetchable, so that one window above 4 GiB serves. A VF
 * has only BAR 0.
 */
#define SIM_BAR0_SIZE		SZ_128K
#define SIM_BAR2_SIZE		SZ_16K
#define SIM_VF_BAR_SIZE		SIM_BAR0_SIZE
/* Bit n is 2^(n + 12) bytes: 4K, 8K, 16K, 64K, 256K, 1M, 4M */
#define SIM_SRIOV_PAGE_SIZES	0x557

#define SIM_LINK_SPEEDS		(PCI_EXP_LNKCAP2_SLS_2_5GB | \
				 PCI_EXP_LNKCAP2_SLS_5_0GB | \
				 PCI_EXP_LNKCAP2_SLS_8_0GB | \
				 PCI_EXP_LNKCAP2_SLS_16_0GB | \
				 PCI_EXP_LNKCAP2_SLS_32_0GB)
#define SIM_LINK_STATUS		(PCI_EXP_LNKSTA_CLS_32_0GB | \
				 PCI_EXP_LNKSTA_NLW_X8)

/* Device Control 2: 10-Bit Tag Requester Enable, which has no name yet */
#define SIM_DEVCTL2_10BIT_TAG	BIT(12)
#define SIM_DEVCAP2_10BIT_TAGS	(BIT(16) | BIT(17))

/*
 * MSI-X: table and pending bits, offsets in BAR 0. Each is on a page of its own,
 * non-TEE memory unless the table is locked; all else of the BARs is TEE memory.
 * In use are only the first 64 KiB and these, so that larger pages do as well.
 */
#define SIM_MSIX_VECTORS	8
#define SIM_MSIX_TABLE		SZ_64K
#define SIM_MSIX_PBA		(SZ_64K + SZ_32K)
#define SIM_MSIX_POLL_MS	10

/* Where writes are interrupts, and reach no table of the IOMMU */
#define SIM_IRQ_ADDRESS		0xfee00000
#define SIM_IRQ_WINDOW		SZ_1M

/*
 * The DMA engine, a DVSEC of each function: offsets in the capability. It moves
 * bytes between memory and a buffer of the function, which nothing else reaches.
 */
#define SIM_DVSEC_DMA		0x0001
#define SIM_DMA_CTRL		0x0c
#define  SIM_DMA_CTRL_TO_MEMORY	BIT(0)
#define  SIM_DMA_CTRL_TEE	BIT(1)	/* the T bit of its requests */
#define  SIM_DMA_CTRL_INT	BIT(2)	/* raise VECTOR at the end */
#define  SIM_DMA_CTRL_REPEAT	BIT(3)	/* begin again at the end */
#define  SIM_DMA_CTRL_BAR	BIT(4)	/* by way of the buffer to and from BAR 0 */
#define  SIM_DMA_CTRL_VECTOR	GENMASK(31, 16)
#define SIM_DMA_LEN		0x10
#define SIM_DMA_OFFSET		0x14	/* in the buffer, and in BAR 0 */
#define SIM_DMA_IOVA_LO		0x18
#define SIM_DMA_IOVA_HI		0x1c
#define SIM_DMA_DOORBELL	0x20
#define  SIM_DMA_GO		BIT(0)
#define  SIM_DMA_ABORT		BIT(1)
#define SIM_DMA_STATUS		0x24
#define  SIM_DMA_STATUS_BUSY	BIT(0)
#define  SIM_DMA_STATUS_DONE	BIT(1)	/* write 1 to clear, RESULT with it */
#define  SIM_DMA_STATUS_OVERRUN	BIT(2)	/* GO while busy; write 1 to clear */
#define  SIM_DMA_STATUS_RESULT	GENMASK(15, 8)
#define SIM_DMA_MOVED		0x28	/* bytes of this or the last transfer */
#define SIM_DMA_CAP_SIZEOF	0x2c
#define SIM_DMA_BUF_BYTES	SZ_16K
#define SIM_DMA_CHUNK_BYTES	SZ_4K

/* Error bits of Device Status */
#define SIM_DEVSTA_W1C		(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | \
				 PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

#endif /* _TSM_SIM_REGS_H */
