"""The lab's VSDM services: Intermediär, UFS, VSDD and CMS (gemSpec_SST_VSDM V2.5.0, gemSpec_SST_FD_VSDM V1.6.0)."""
