--- Payment terms: the code in NAV and the name of the same terms in Odoo. Only equals belong
--- here, for terms decide the due date; what Odoo does not have is made there first.
return {
  COD = "Immediate Payment",
  CM = "End of Month",
  ["1M(8D)"] = "1 Month, 2% 8 Days",
  ["2 DAYS"] = "2 Days",
  ["7 DAYS"] = "7 Days",
  ["10 DAYS"] = "10 Days",
  ["14 DAYS"] = "14 Days",
  ["15 DAYS"] = "15 Days",
  ["21 DAYS"] = "21 Days",
  ["30 DAYS"] = "30 Days",
  ["45 DAYS"] = "45 Days",
  ["60 DAYS"] = "60 Days",
}
