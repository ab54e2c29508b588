--- Table 5404, Item Unit of Measure, as NAV 2017 and 2018 have it.

return {
  { 1, "Item No.", "Code", 20, relation = "Item" },
  { 2, "Code", "Code", 10, relation = "Unit of Measure" },
  { 3, "Qty. per Unit of Measure", "Decimal", init = "1" },
  { 7300, "Length", "Decimal", min = 0 },
  { 7301, "Width", "Decimal", min = 0 },
  { 7302, "Height", "Decimal", min = 0 },
  { 7303, "Cubage", "Decimal", min = 0 },
  { 7304, "Weight", "Decimal", min = 0 },
}
