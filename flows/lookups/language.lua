--- Language codes of NAV (Windows' three letters) and the locale that Odoo has for them.
return {
  BGR = "bg_BG", CSY = "cs_CZ", DAN = "da_DK", DEA = "de_DE", DES = "de_CH", DEU = "de_DE",
  ELL = "el_GR", ENA = "en_AU", ENC = "en_CA", ENG = "en_GB", ENU = "en_US", ENZ = "en_GB",
  ESM = "es_MX", ESN = "es_ES", ESP = "es_ES", ETI = "et_EE", FIN = "fi_FI", FRA = "fr_FR",
  FRB = "fr_BE", FRC = "fr_CA", FRS = "fr_CH", HRV = "hr_HR", HUN = "hu_HU", ISL = "is_IS",
  ITA = "it_IT", ITS = "it_IT", JPN = "ja_JP", LTH = "lt_LT", LVI = "lv_LV", NLB = "nl_BE",
  NLD = "nl_NL", NOR = "nb_NO", PLK = "pl_PL", PTB = "pt_BR", PTG = "pt_PT", ROM = "ro_RO",
  RUS = "ru_RU", SKY = "sk_SK", SLV = "sl_SI", SVE = "sv_SE", TRK = "tr_TR", UKR = "uk_UA",
}
