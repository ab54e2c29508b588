--- Gen. Prod. Posting Group of a new item, by category: with it come the VAT group and, beside the
--- customer's or vendor's group, the accounts. These are the codes of CRONUS International.
return {
  from = "item_category",
  values = { [""] = "RETAIL", SERVICE = "SERVICES" },
  default = "RETAIL",
}
