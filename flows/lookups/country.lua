--- Country/Region codes of NAV that are not the ISO 3166 code that Odoo knows.
return {
  values = {
    EL = "GR", -- the EU writes Greece so in VAT numbers
    UK = "GB",
    NI = "GB", -- Northern Ireland in CRONUS; take it out where NI is Nicaragua
    XI = "GB", -- Northern Ireland in VAT numbers
  },
  -- what is written into NAV, where several codes mean the same
  back = { GB = "GB" },
}
