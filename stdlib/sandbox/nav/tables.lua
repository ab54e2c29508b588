--- Table 18, Customer, as NAV 2018 has it: number, name, type, length and what a field may hold.
--
-- Fields of the BLOB and Media types and the flow filters are left out, and of the flow fields
-- those that no published page shows. A row is a plain table by field name that holds only what is
-- not the field's default; `tables.value` reads it.

local tables = {}

local CUSTOMER <const> = {
  { 1, "No.", "Code", 20 },
  { 2, "Name", "Text", 50 },
  { 3, "Search Name", "Code", 50 },
  { 4, "Name 2", "Text", 50 },
  { 5, "Address", "Text", 50 },
  { 6, "Address 2", "Text", 50 },
  { 7, "City", "Text", 30 },
  { 8, "Contact", "Text", 50 },
  { 9, "Phone No.", "Text", 30 },
  { 10, "Telex No.", "Text", 20 },
  { 11, "Document Sending Profile", "Code", 20, relation = "Document Sending Profile" },
  { 14, "Our Account No.", "Text", 20 },
  { 15, "Territory Code", "Code", 10, relation = "Territory" },
  { 16, "Global Dimension 1 Code", "Code", 20, relation = "Dimension Value" },
  { 17, "Global Dimension 2 Code", "Code", 20, relation = "Dimension Value" },
  { 18, "Chain Name", "Code", 10 },
  { 19, "Budgeted Amount", "Decimal" },
  { 20, "Credit Limit (LCY)", "Decimal" },
  { 21, "Customer Posting Group", "Code", 20, relation = "Customer Posting Group" },
  { 22, "Currency Code", "Code", 10, relation = "Currency" },
  { 23, "Customer Price Group", "Code", 10, relation = "Customer Price Group" },
  { 24, "Language Code", "Code", 10, relation = "Language" },
  { 26, "Statistics Group", "Integer" },
  { 27, "Payment Terms Code", "Code", 10, relation = "Payment Terms" },
  { 28, "Fin. Charge Terms Code", "Code", 10, relation = "Finance Charge Terms" },
  { 29, "Salesperson Code", "Code", 20, relation = "Salesperson/Purchaser" },
  { 30, "Shipment Method Code", "Code", 10, relation = "Shipment Method" },
  { 31, "Shipping Agent Code", "Code", 10, relation = "Shipping Agent" },
  { 32, "Place of Export", "Code", 20 },
  { 33, "Invoice Disc. Code", "Code", 20 },
  { 34, "Customer Disc. Group", "Code", 20, relation = "Customer Discount Group" },
  { 35, "Country/Region Code", "Code", 10, relation = "Country/Region" },
  { 36, "Collection Method", "Code", 20 },
  { 37, "Amount", "Decimal" },
  { 39, "Blocked", "Option", options = { " ", "Ship", "Invoice", "All" } },
  { 40, "Invoice Copies", "Integer" },
  { 41, "Last Statement No.", "Integer" },
  { 42, "Print Statements", "Boolean" },
  { 45, "Bill-to Customer No.", "Code", 20, relation = "Customer" },
  { 46, "Priority", "Integer" },
  { 47, "Payment Method Code", "Code", 10, relation = "Payment Method" },
  { 53, "Last Modified Date Time", "DateTime", readonly = true },
  { 54, "Last Date Modified", "Date", readonly = true },
  { 59, "Balance (LCY)", "Decimal", flow = true },
  { 62, "Sales (LCY)", "Decimal", flow = true },
  { 67, "Balance Due (LCY)", "Decimal", flow = true },
  { 74, "Payments (LCY)", "Decimal", flow = true },
  { 80, "Application Method", "Option", options = { "Manual", "Apply to Oldest" } },
  { 82, "Prices Including VAT", "Boolean" },
  { 83, "Location Code", "Code", 10, relation = "Location" },
  { 84, "Fax No.", "Text", 30 },
  { 85, "Telex Answer Back", "Text", 20 },
  { 86, "VAT Registration No.", "Text", 20 },
  { 87, "Combine Shipments", "Boolean" },
  { 88, "Gen. Bus. Posting Group", "Code", 20, relation = "Gen. Business Posting Group" },
  { 90, "GLN", "Code", 13 },
  { 91, "Post Code", "Code", 20 },
  { 92, "County", "Text", 30 },
  { 102, "E-Mail", "Text", 80 },
  { 103, "Home Page", "Text", 80 },
  { 104, "Reminder Terms Code", "Code", 10, relation = "Reminder Terms" },
  { 107, "No. Series", "Code", 20, relation = "No. Series", readonly = true },
  { 108, "Tax Area Code", "Code", 20, relation = "Tax Area" },
  { 109, "Tax Liable", "Boolean" },
  { 110, "VAT Bus. Posting Group", "Code", 20, relation = "VAT Business Posting Group" },
  { 115, "Reserve", "Option", options = { "Never", "Optional", "Always" }, init = "Optional" },
  { 116, "Block Payment Tolerance", "Boolean" },
  { 119, "IC Partner Code", "Code", 20, relation = "IC Partner" },
  { 124, "Prepayment %", "Decimal", min = 0, max = 100 },
  { 132, "Partner Type", "Option", options = { " ", "Company", "Person" } },
  { 150, "Privacy Blocked", "Boolean" },
  { 288, "Preferred Bank Account Code", "Code", 20, relation = "Customer Bank Account" },
  { 840, "Cash Flow Payment Terms Code", "Code", 10, relation = "Payment Terms" },
  { 5049, "Primary Contact No.", "Code", 20, relation = "Contact" },
  { 5050, "Contact Type", "Option", options = { "Company", "Person" } },
  { 5700, "Responsibility Center", "Code", 10, relation = "Responsibility Center" },
  { 5750, "Shipping Advice", "Option", options = { "Partial", "Complete" } },
  { 5790, "Shipping Time", "DateFormula" },
  { 5792, "Shipping Agent Service Code", "Code", 10, relation = "Shipping Agent Services" },
  { 5900, "Service Zone Code", "Code", 10, relation = "Service Zone" },
  { 7001, "Allow Line Disc.", "Boolean", init = true },
  { 7600, "Base Calendar Code", "Code", 10, relation = "Base Calendar" },
  { 7601, "Copy Sell-to Addr. to Qte From", "Option", options = { "Company", "Person" } },
  { 7602, "Validate EU Vat Reg. No.", "Boolean" },
}

local BLANK <const> = {
  Code = "", Text = "", DateFormula = "", Decimal = "0", Integer = 0, Boolean = false,
  Date = "0001-01-01", DateTime = "0001-01-01T00:00:00Z",
}

---@class sandbox.nav.Field
---@field no integer
---@field name string
---@field type string        Code, Text, Decimal, Integer, Boolean, Option, Date, DateTime, DateFormula
---@field length integer?
---@field options string[]?
---@field relation string?   the table that the value must be found in
---@field flow boolean?      calculated from entries, never written
---@field readonly boolean?  not editable at table level
---@field default any        what a new record holds
---@field blank any          what an empty field of the type holds

local fields, by_name = {}, {}
for index, f in ipairs(CUSTOMER) do
  local field = {
    no = f[1], name = f[2], type = f[3], length = f[4], options = f.options,
    relation = f.relation, flow = f.flow, readonly = f.readonly or f.flow, min = f.min, max = f.max,
  }
  field.blank = BLANK[field.type]
  if field.type == "Option" then
    field.blank = field.options[1]
    field.ordinal = {}
    for n, member in ipairs(field.options) do field.ordinal[member] = n end
  end
  field.default = f.init
  if f.init == nil then field.default = field.blank end
  fields[index], by_name[field.name] = field, field
end

--- Table number, key and fields in field order.
tables.Customer = { no = 18, name = "Customer", key = "No.", fields = fields, by_name = by_name }

--- What the field of a row holds, defaults included.
---@param row table
---@param field sandbox.nav.Field
function tables.value(row, field)
  local value = row[field.name]
  if value == nil then return field.default end
  return value
end

--- Writes a checked value; a default is left out of the row.
---@param row table
---@param field sandbox.nav.Field
---@param value any
function tables.put(row, field, value)
  if value == field.default then value = nil end
  row[field.name] = value
end

return tables
