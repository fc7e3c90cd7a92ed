/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rest of iommufd calls of tsm.c and tsm_req.c. Included by
 * iommufd_private.h.
 */
#ifndef __IOMMUFD_TSM_H
#define __IOMMUFD_TSM_H

struct pci_tdi;

/* vIOMMUs of these types belong to the TSM of a device, not to its IOMMU */
#define IOMMUFD_TSM_VIOMMU_TYPES                        \
	(BIT_ULL(IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU) |     \
	 BIT_ULL(IOMMU_VIOMMU_TYPE_TSM_VTD) |           \
	 BIT_ULL(IOMMU_VIOMMU_TYPE_TSM_SIM))

static inline bool iommufd_viommu_type_is_tsm(u32 type)
{
	return type < BITS_PER_LONG_LONG &&
	       IOMMUFD_TSM_VIOMMU_TYPES & BIT_ULL(type);
}

static inline bool iommufd_viommu_is_tsm(const struct iommufd_viommu *viommu)
{
	return iommufd_viommu_type_is_tsm(viommu->type);
}

/* A vIOMMU of a TSM has events of TDIs and no others, and nobody else has these */
static inline bool
iommufd_viommu_has_veventq(const struct iommufd_viommu *viommu, u32 type)
{
	bool tdis = type == IOMMU_VEVENTQ_TYPE_TSM;

	return iommufd_viommu_is_tsm(viommu) == tdis;
}

#ifdef CONFIG_PCI_TSM
struct pci_tdi *iommufd_get_tdi(struct iommufd_ucmd *ucmd, u32 id);

void *iommufd_tsm_hw_info(struct device *dev, u32 *length,
			  enum iommu_hw_info_type *type);
int iommufd_tsm_viommu_alloc(struct iommufd_ucmd *ucmd);
void iommufd_tsm_vdevice_kill(struct iommufd_vdevice *vdev);
int iommufd_vdevice_tsm_bind(struct iommufd_ucmd *ucmd);
int iommufd_vdevice_tsm_unbind(struct iommufd_ucmd *ucmd);
int iommufd_vdevice_tsm_req(struct iommufd_ucmd *ucmd);
#else
static inline void *iommufd_tsm_hw_info(struct device *dev, u32 *length,
					enum iommu_hw_info_type *type)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline int iommufd_tsm_viommu_alloc(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}

static inline void iommufd_tsm_vdevice_kill(struct iommufd_vdevice *vdev)
{
}

static inline int iommufd_vdevice_tsm_bind(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}

static inline int iommufd_vdevice_tsm_unbind(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}

static inline int iommufd_vdevice_tsm_req(struct iommufd_ucmd *ucmd)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* __IOMMUFD_TSM_H */
