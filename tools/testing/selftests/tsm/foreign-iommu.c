// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMU types at an IOMMU driver that has vIOMMUs of its own, such as AMD's: types
 * that are others' are refused, whatever else is asked for. About a PCI function
 * behind such an IOMMU, named by TSM_IOMMU_DEVICE, which vfio-pci can drive.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "tsm_machine.h"

/* Nothing has this number: an IOMMU driver that takes it has no types */
#define TYPE_OF_NOBODY	0x12345678

FIXTURE(foreign_iommu)
{
	struct vfio_user u;
};

FIXTURE_SETUP(foreign_iommu)
{
	const char *bdf = getenv("TSM_IOMMU_DEVICE");

	vfio_init(&self->u);
	if (!bdf || !bdf[0])
		SKIP(return, "needs a function, TSM_IOMMU_DEVICE");
	test_ok(sim_pci_driver(bdf, "vfio-pci"));
	test_ok(vfio_open_cdev(&self->u, bdf));
	test_ok(vfio_bind(&self->u, open("/dev/iommu", O_RDWR | O_CLOEXEC)));
	test_ok(vfio_attach(&self->u));
}

FIXTURE_TEARDOWN(foreign_iommu)
{
	int iommufd = self->u.iommufd;

	vfio_close(&self->u);
	if (iommufd >= 0)
		close(iommufd);
}

static int viommu(struct vfio_user *u, uint32_t type, uint32_t hwpt)
{
	struct iommu_viommu_alloc cmd = {
		.type = type,
		.dev_id = u->dev_id,
		.hwpt_id = hwpt,
	};

	return cmd_viommu(u->iommufd, &cmd);
}

TEST_F(foreign_iommu, types)
{
	static const uint32_t theirs[] = {
		IOMMU_VIOMMU_TYPE_DEFAULT, IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV, 3,
	};
	struct iommu_hwpt_alloc parent = {
		.size = sizeof(parent),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = self->u.dev_id,
		.pt_id = self->u.ioas,
	};
	unsigned int i;
	bool nests;

	nests = !ioctl(self->u.iommufd, IOMMU_HWPT_ALLOC, &parent);
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		test_err(EOPNOTSUPP, viommu(&self->u, theirs[i], 0));
		if (nests)
			test_err(EOPNOTSUPP, viommu(&self->u, theirs[i],
						    parent.out_hwpt_id));
	}
	/* A TSM's need a TSM */
	for (i = IOMMU_VIOMMU_TYPE_TSM_NO_VIOMMU;
	     i <= IOMMU_VIOMMU_TYPE_TSM_SIM; i++)
		ASSERT_NE(0, viommu(&self->u, i, 0));

	/* It is the type that was refused, if the driver has vIOMMUs at all */
	if (viommu(&self->u, TYPE_OF_NOBODY, 0) == -EOPNOTSUPP)
		SKIP(return, "this IOMMU's driver has no vIOMMUs");
	if (nests)
		test_ok(viommu(&self->u, TYPE_OF_NOBODY, parent.out_hwpt_id));
}

int main(int argc, char **argv)
{
	return test_harness_run(argc, argv);
}
