--- Table 405, Change Log Entry, as NAV 2017 and 2018 have it, without captions and values.

return {
  { 1, "Entry No.", "BigInteger", readonly = true },
  { 2, "Date and Time", "DateTime", readonly = true },
  { 4, "User ID", "Code", 50, readonly = true },
  { 5, "Table No.", "Integer", readonly = true },
  { 7, "Field No.", "Integer", readonly = true },
  { 9, "Type of Change", "Option", options = { "Insertion", "Modification", "Deletion" }, readonly = true },
  { 12, "Primary Key", "Text", 250, readonly = true },
  { 15, "Primary Key Field 1 Value", "Text", 50, readonly = true },
  { 18, "Primary Key Field 2 Value", "Text", 50, readonly = true },
}
