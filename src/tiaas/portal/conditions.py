"""Error conditions in English by their name (gemSpec_Kon V5.18 TAB_KON_503); German comes with the status."""

from collections.abc import Mapping
from types import MappingProxyType

from tiaas.portal.status import Condition
from tiaas.portal.texts import Texts

ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "EC_CardTerminal_Software_Out_Of_Date": "Card terminal: firmware is not current",
        "EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon": "Card terminal: certificate of the gSMC-KT expires",
        "EC_CardTerminal_Not_Available": "Card terminal cannot be reached",
        "EC_Connector_Software_Out_Of_Date": "Software of the Konnektor is not current",
        "EC_FW_Update_Available": "Firmware update available",
        "EC_FW_Not_Valid_Status_Blocked": "Firmware too old, access to the TI blocked",
        "EC_Time_Sync_Not_Successful": "Time synchronisation failed",
        "EC_Time_Sync_Pending_Warning": "Time synchronisation pending for long",
        "EC_Time_Sync_Pending_Critical": "Time synchronisation pending for too long",
        "EC_Time_Difference_Intolerable": "Time difference not tolerable",
        "EC_TSL_Update_Not_Successful": "Update of the TSL failed",
        "EC_TSL_Expiring": "TSL expires",
        "EC_TSL_Out_Of_Date_Within_Grace_Period": "TSL expired, within the grace period",
        "EC_TSL_Out_Of_Date_Beyond_Grace_Period": "TSL expired, grace period over",
        "EC_TSL_Trust_Anchor_Expiring": "Trust anchor of the TSL expires",
        "EC_TSL_Trust_Anchor_Out_Of_Date": "Trust anchor of the TSL expired",
        "EC_BNetzA_VL_Update_Not_Successful": "Update of the BNetzA list failed",
        "EC_BNetzA_VL_not_valid": "BNetzA list no longer valid",
        "EC_CRL_Expiring": "CRL expires",
        "EC_CRL_Out_Of_Date": "CRL expired",
        "EC_LOG_OVERFLOW": "Log store overflowed",
        "EC_No_VPN_TI_Connection": "No VPN connection to the TI",
        "EC_No_VPN_SIS_Connection": "No VPN connection to the SIS",
        "EC_No_Online_Connection": "No connection to the TI",
        "EC_IP_Adresses_Not_Available": "IP addresses not available",
        "EC_Firewall_Not_Reliable": "Firewall not reliable",
        "EC_Random_Generator_Not_Reliable": "Random generator not reliable",
        "EC_Secure_KeyStore_Not_Available": "Key store not available",
        "EC_Security_Log_Not_Writable": "Security log not writable",
        "EC_Software_Integrity_Check_Failed": "Integrity check of the software failed",
        "EC_CRYPTOPERATION_ALARM": "Unusually many cryptographic operations",
        "EC_NK_Certificate_Expiring": "Certificate of the network Konnektor expires",
        "EC_NK_Certificate_Expired": "Certificate of the network Konnektor expired",
        "EC_TLS_Client_Certificate_Security": "TLS certificate too weak",
        "EC_OTHER_ERROR_STATE(1)": "Disk nearly full",
    }
)


def meaning(condition: Condition, texts: Texts) -> str:
    """What a condition means; its name if nobody says."""
    said = condition.meaning if texts.code == "de" else ENGLISH.get(condition.name, "")
    return said or condition.name
