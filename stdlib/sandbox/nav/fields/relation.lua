--- Table 5054, Contact Business Relation: which contact is which customer or vendor.

return {
  { 1, "Contact No.", "Code", 20, relation = "Contact" },
  { 2, "Business Relation Code", "Code", 10 },
  { 3, "Link to Table", "Option", options = { " ", "Customer", "Vendor", "Bank Account" } },
  { 4, "No.", "Code", 20 },
}
