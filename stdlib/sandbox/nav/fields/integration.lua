--- Table 5151, Integration Record, as NAV 2017 and 2018 have it. Its Record ID as text.

return {
  { 1, "Table ID", "Integer", readonly = true },
  { 2, "Page ID", "Integer", readonly = true },
  { 3, "Record ID", "Text", 250, readonly = true },
  { 5150, "Integration ID", "GUID", readonly = true },
  { 5151, "Deleted On", "DateTime", readonly = true },
  { 5152, "Modified On", "DateTime", readonly = true },
}
