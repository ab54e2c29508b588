--- Customer or Vendor Posting Group of a new card, by country: the receivables or payables
--- account. These are the codes of CRONUS International, which sits in Great Britain.
return {
  from = "country",
  values = {
    GB = "DOMESTIC", [""] = "DOMESTIC",
    AT = "EU", BE = "EU", BG = "EU", CY = "EU", CZ = "EU", DE = "EU", DK = "EU", EE = "EU",
    EL = "EU", ES = "EU", FI = "EU", FR = "EU", HR = "EU", HU = "EU", IE = "EU", IT = "EU",
    LT = "EU", LU = "EU", LV = "EU", MT = "EU", NL = "EU", PL = "EU", PT = "EU", RO = "EU",
    SE = "EU", SI = "EU", SK = "EU",
  },
  default = "FOREIGN",
}
