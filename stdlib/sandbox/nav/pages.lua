--- The published pages: what each web service shows of its table, in page order.
--
-- Cards can be written, lists are read only; the services are at the end of this file. A property is a field
-- under the name of its control or its own, a page expression (`expr`, read-only text), or a flow
-- filter that the shown flow fields need (text, at the end). Key fields that no control shows come
-- after the controls, the key chain comes last as `ETag`.

local names = require "sandbox.nav.names"
local tables = require "sandbox.nav.tables"

local pages = {}

local function expr(property, label) return { property = property, expr = true, label = label } end
-- A page variable with code of its own behind it: what is written runs that code.
local function taken(property) return { property = property, expr = true, taken = true } end
local function control(name, field) return { property = names.externalize(name), field = field } end
local function fixed(entry)
  entry.readonly = true
  return entry
end

local CUSTOMER_CARD <const> = {
  "No.", "Name", "Search Name", "IC Partner Code", "Balance (LCY)", "Balance Due (LCY)",
  "Credit Limit (LCY)", "Blocked", "Privacy Blocked", "Salesperson Code", "Responsibility Center",
  "Service Zone Code", "Document Sending Profile", expr "TotalSales2",
  expr "CustSalesLCY_CustProfit_AdjmtCostLCY", expr "AdjCustProfit", expr "AdjProfitPct",
  "Last Date Modified", "Address", "Address 2", "Post Code", "City", "Country/Region Code",
  expr "ShowMap", "Primary Contact No.", control("ContactName", "Contact"), "Phone No.", "E-Mail",
  "Fax No.", "Home Page", "Language Code", "Bill-to Customer No.", "VAT Registration No.", "GLN",
  "Copy Sell-to Addr. to Qte From", "Invoice Copies", "Gen. Bus. Posting Group",
  "VAT Bus. Posting Group", "Customer Posting Group", "Currency Code", "Customer Price Group",
  "Customer Disc. Group", "Allow Line Disc.", "Invoice Disc. Code", "Prices Including VAT",
  "Prepayment %", "Application Method", "Partner Type", "Payment Terms Code",
  "Payment Method Code", "Reminder Terms Code", "Fin. Charge Terms Code",
  "Cash Flow Payment Terms Code", "Print Statements", "Last Statement No.",
  "Block Payment Tolerance", "Preferred Bank Account Code", "Location Code", "Combine Shipments",
  "Reserve", "Shipping Advice", "Shipment Method Code", "Shipping Agent Code",
  "Shipping Agent Service Code", "Shipping Time", "Base Calendar Code",
  expr("Customized_Calendar", "Customized Calendar"),
  fixed(control("Balance (LCY)2", "Balance (LCY)")), expr "GetMoneyOwedExpected",
  fixed(control("CreditLimit", "Credit Limit (LCY)")), expr "CalcCreditLimitLCYExpendedPct",
  expr("Balance_Due", "Balance Due"), "Payments (LCY)", expr "CustomerMgt_AvgDaysToPay_No",
  expr "DaysPaidPastDueDate", expr "GetAmountOnPostedInvoices", expr "GetAmountOnCrMemo",
  expr "GetAmountOnOutstandingInvoices", expr "GetAmountOnOutstandingCrMemos", expr "Totals",
  expr "CustInvDiscAmountLCY",
}

local CUSTOMER_LIST <const> = {
  "No.", "Name", "Responsibility Center", "Location Code", "Post Code", "Country/Region Code",
  "Phone No.", "IC Partner Code", "Contact", "Salesperson Code", "Customer Posting Group",
  "Gen. Bus. Posting Group", "VAT Bus. Posting Group", "Customer Price Group",
  "Customer Disc. Group", "Payment Terms Code", "Reminder Terms Code", "Fin. Charge Terms Code",
  "Currency Code", "Language Code", "Search Name", "Credit Limit (LCY)", "Blocked",
  "Privacy Blocked", "Last Date Modified", "Application Method", "Combine Shipments", "Reserve",
  "Shipping Advice", "Shipping Agent Code", "Base Calendar Code", "Balance (LCY)",
  "Balance Due (LCY)", "Sales (LCY)",
}

local VENDOR_CARD <const> = {
  "No.", "Name", "Blocked", "Privacy Blocked", "Last Date Modified", "Balance (LCY)",
  "Balance Due (LCY)", "Document Sending Profile", "Search Name", "IC Partner Code",
  "Purchaser Code", "Responsibility Center", "Address", "Address 2", "Post Code", "City",
  "Country/Region Code", expr "ShowMap", "Primary Contact No.", "Contact", "Phone No.", "E-Mail",
  "Fax No.", "Home Page", "Our Account No.", "Language Code", "VAT Registration No.", "GLN",
  "Pay-to Vendor No.", "Invoice Disc. Code", "Prices Including VAT", "Gen. Bus. Posting Group",
  "VAT Bus. Posting Group", "Vendor Posting Group", "Currency Code", "Prepayment %",
  "Application Method", "Payment Terms Code", "Payment Method Code", "Priority",
  "Block Payment Tolerance", "Preferred Bank Account Code", "Partner Type",
  "Cash Flow Payment Terms Code", "Creditor No.", "Location Code", "Shipment Method Code",
  "Lead Time Calculation", "Base Calendar Code",
  expr("Customized_Calendar", "Customized Calendar"),
}

local VENDOR_LIST <const> = {
  "No.", "Name", "Responsibility Center", "Location Code", "Post Code", "Country/Region Code",
  "Phone No.", "Fax No.", "IC Partner Code", "Contact", "Purchaser Code", "Vendor Posting Group",
  "Gen. Bus. Posting Group", "VAT Bus. Posting Group", "Payment Terms Code",
  "Fin. Charge Terms Code", "Currency Code", "Language Code", "Search Name", "Blocked",
  "Privacy Blocked", "Last Date Modified", "Application Method",
  control("Location Code2", "Location Code"), "Shipment Method Code", "Lead Time Calculation",
  "Base Calendar Code", "Balance (LCY)", "Balance Due (LCY)",
}

local CONTACT_CARD <const> = {
  "No.", "Name", "Type", "Company No.", "Company Name", taken "IntegrationCustomerNo",
  "Search Name", "Salesperson Code", "Salutation Code", "Organizational Level Code",
  "Last Date Modified", "Date of Last Interaction", "Last Date Attempted", "Next Task Date",
  "Exclude from Segment", "Privacy Blocked", "Minor", "Parental Consent Received", "Address",
  "Address 2", "Post Code", "City", "Country/Region Code", expr "ShowMap", "Phone No.",
  "Mobile Phone No.", "E-Mail", "Fax No.", "Home Page", "Correspondence Type", "Language Code",
  "Currency Code", "Territory Code", "VAT Registration No.",
}

local CONTACT_LIST <const> = {
  "No.", "Name", "Company Name", "Post Code", "Country/Region Code", "Phone No.",
  "Mobile Phone No.", "E-Mail", "Fax No.", "Salesperson Code", "Territory Code", "Currency Code",
  "Language Code", "Search Name", "Privacy Blocked", "Minor", "Parental Consent Received",
}

local SHIPTO <const> = {
  "Code", "Name", "Address", "Address 2", "Post Code", "City", "Country/Region Code",
  expr "ShowMap", "Phone No.", "Contact", "Fax No.", "E-Mail", "Home Page", "Location Code",
  "Shipment Method Code", "Shipping Agent Code", "Shipping Agent Service Code",
  "Service Zone Code", "Last Date Modified", "Customer No.",
}

local SHIPTO_LIST <const> = {
  "Code", "Name", "Address", "Address 2", "Post Code", "City", "Country/Region Code", "Phone No.",
  "Fax No.", "Contact", "Location Code",
}

local RELATIONS <const> = {
  "Business Relation Code", expr("Business_Relation_Description", "Business Relation Description"),
  expr("Contact_Name", "Contact Name"), "Link to Table", "No.",
}

local ITEM_CARD <const> = {
  "No.", "Description", "Blocked", "Type", "Base Unit of Measure", "Last Date Modified", "GTIN",
  "Item Category Code", "Product Group Code", "Service Item Group", "Automatic Ext. Texts",
  "Shelf No.", "Created From Nonstock Item", "Search Description", "Inventory",
  control("InventoryNonFoundation", "Inventory"), "Qty. on Purch. Order", "Qty. on Prod. Order",
  "Qty. on Component Lines", "Qty. on Sales Order", "Qty. on Service Order", "Qty. on Job Order",
  "Qty. on Assembly Order", "Qty. on Asm. Component",
  control("StockoutWarningDefaultYes", "Stockout Warning"),
  control("StockoutWarningDefaultNo", "Stockout Warning"),
  control("PreventNegInventoryDefaultYes", "Prevent Negative Inventory"),
  control("PreventNegInventoryDefaultNo", "Prevent Negative Inventory"), "Net Weight",
  "Gross Weight", "Unit Volume", "Costing Method", "Standard Cost", "Unit Cost",
  "Indirect Cost %", "Last Direct Cost", "Net Invoiced Qty.", "Cost is Adjusted",
  "Cost is Posted to G/L", expr "SpecialPurchPricesAndDiscountsTxt", "Gen. Prod. Posting Group",
  "VAT Prod. Posting Group", "Inventory Posting Group", "Default Deferral Template Code",
  "Tariff No.", "Country/Region of Origin Code", "Unit Price", expr "CalcUnitPriceExclVAT",
  "Price Includes VAT", "Price/Profit Calculation", "Profit %",
  expr "SpecialPricesAndDiscountsTxt", "Allow Invoice Disc.", "Item Disc. Group",
  "Sales Unit of Measure", "Application Wksh. User ID", "VAT Bus. Posting Gr. (Price)",
  "Replenishment System", "Lead Time Calculation", "Vendor No.", "Vendor Item No.",
  "Purch. Unit of Measure", "Manufacturing Policy", "Routing No.", "Production BOM No.",
  "Rounding Precision", "Flushing Method", "Overhead Rate", "Scrap %", "Lot Size",
  "Assembly Policy", "Assembly BOM", "Reordering Policy", "Reserve", "Order Tracking Policy",
  "Stockkeeping Unit Exists", "Dampener Period", "Dampener Quantity", "Critical",
  "Safety Lead Time", "Safety Stock Quantity", "Include Inventory", "Lot Accumulation Period",
  "Rescheduling Period", "Reorder Point", "Reorder Quantity", "Maximum Inventory",
  "Overflow Level", "Time Bucket", "Minimum Order Quantity", "Maximum Order Quantity",
  "Order Multiple", "Item Tracking Code", "Serial Nos.", "Lot Nos.", "Expiration Calculation",
  "Warehouse Class Code", "Special Equipment Code", "Put-away Template Code",
  "Put-away Unit of Measure Code", "Phys Invt Counting Period Code", "Last Phys. Invt. Date",
  "Last Counting Period Update", "Next Counting Start Date", "Next Counting End Date",
  "Identifier Code", "Use Cross-Docking",
}

local ITEM_LIST <const> = {
  "No.", "Description", "Type", "Inventory", "Created From Nonstock Item", "Substitutes Exist",
  "Stockkeeping Unit Exists", "Assembly BOM", "Production BOM No.", "Routing No.",
  "Base Unit of Measure", "Shelf No.", "Costing Method", "Cost is Adjusted", "Standard Cost",
  "Unit Cost", "Last Direct Cost", "Price/Profit Calculation", "Profit %", "Unit Price",
  "Inventory Posting Group", "Gen. Prod. Posting Group", "VAT Prod. Posting Group",
  "Item Disc. Group", "Vendor No.", "Vendor Item No.", "Tariff No.", "Search Description",
  "Overhead Rate", "Indirect Cost %", "Item Category Code", "Product Group Code", "Blocked",
  "Last Date Modified", "Sales Unit of Measure", "Replenishment System", "Purch. Unit of Measure",
  "Lead Time Calculation", "Manufacturing Policy", "Flushing Method", "Assembly Policy",
  "Item Tracking Code", "Default Deferral Template Code",
}

local CHANGE_LOG <const> = {
  "Entry No.", "Date and Time", "User ID", "Table No.", "Field No.", "Type of Change", "Primary Key",
  "Primary Key Field 1 Value", "Primary Key Field 2 Value",
}

-- NAV has no page for these: one that an integrator made.
local INTEGRATION <const> = {
  "Table ID", "Page ID", "Record ID", "Integration ID", "Deleted On", "Modified On",
}

local FLOW_FILTERS <const> = {
  "Global Dimension 1 Filter", "Global Dimension 2 Filter", "Currency Filter", "Date Filter",
}
local ITEM_FILTERS <const> = {
  "Date Filter", "Global Dimension 1 Filter", "Global Dimension 2 Filter", "Location Filter",
  "Drop Shipment Filter", "Variant Filter", "Lot No. Filter", "Serial No. Filter",
}

local EDM <const> = {
  Code = "Edm.String", Text = "Edm.String", Option = "Edm.String", DateFormula = "Edm.String",
  Decimal = "Edm.Decimal", Integer = "Edm.Int32", Boolean = "Edm.Boolean", Date = "Edm.Date",
  DateTime = "Edm.DateTimeOffset", BigInteger = "Edm.Int64", GUID = "Edm.Guid",
}

---@class sandbox.nav.Property
---@field name string                the name on the wire
---@field label string               how NAV calls the control in its messages
---@field field sandbox.nav.Field?   the table field behind it, nil for an expression or a filter
---@field edm string
---@field readonly boolean
---@field flow_filter boolean?
---@field taken boolean?             a page variable that can be written
---@field etag boolean?

local function property_of(entry, table_def)
  if type(entry) == "string" then entry = { property = names.externalize(entry), field = entry } end
  local field = entry.field and table_def.by_name[entry.field] or nil
  return {
    name = entry.property, label = entry.label or entry.field or entry.property, field = field,
    edm = field and EDM[field.type] or "Edm.String",
    readonly = not (field or entry.taken) or field and field.readonly or entry.readonly or false,
    taken = entry.taken,
  }
end

local function page(id, name, service, table_name, layout, allowed, filters)
  local def = tables[table_name]
  local p = {
    id = id, name = name, service = service, table = def, keys = {}, is_key = {}, properties = {}, by_name = {},
    insert_allowed = allowed, modify_allowed = allowed, delete_allowed = allowed,
  }
  local shown, has_flow = {}, false
  for _, entry in ipairs(layout) do
    local property = property_of(entry, def)
    p.properties[#p.properties + 1] = property
    if property.field then shown[property.field.name] = true end
    has_flow = has_flow or property.field and property.field.flow and property.field.type == "Decimal"
  end
  for n, key in ipairs(def.keys) do
    p.keys[n] = names.externalize(key)
    p.is_key[p.keys[n]] = true
    if not shown[key] then p.properties[#p.properties + 1] = property_of(key, def) end
  end
  for _, filter in ipairs(has_flow and (filters or FLOW_FILTERS) or {}) do
    p.properties[#p.properties + 1] = {
      name = names.externalize(filter), label = filter, edm = "Edm.String", readonly = false,
      flow_filter = true,
    }
  end
  p.properties[#p.properties + 1] =
    { name = "ETag", label = "ETag", edm = "Edm.String", readonly = true, etag = true }
  for _, property in ipairs(p.properties) do p.by_name[property.name] = property end
  return p
end

--- In the order of the web services list.
pages.list = {
  page(21, "Customer Card", "CustomerCard", "Customer", CUSTOMER_CARD, true),
  page(22, "Customer List", "CustomerList", "Customer", CUSTOMER_LIST, false),
  page(26, "Vendor Card", "VendorCard", "Vendor", VENDOR_CARD, true),
  page(27, "Vendor List", "VendorList", "Vendor", VENDOR_LIST, false),
  page(30, "Item Card", "ItemCard", "Item", ITEM_CARD, true, ITEM_FILTERS),
  page(31, "Item List", "ItemList", "Item", ITEM_LIST, false, ITEM_FILTERS),
  page(595, "Change Log Entries", "ChangeLogEntries", "Change Log Entry", CHANGE_LOG, false),
  page(300, "Ship-to Address", "ShiptoAddress", "Ship-to Address", SHIPTO, true),
  page(301, "Ship-to Address List", "ShiptoAddressList", "Ship-to Address", SHIPTO_LIST, false),
  page(5050, "Contact Card", "ContactCard", "Contact", CONTACT_CARD, true),
  page(5052, "Contact List", "ContactList", "Contact", CONTACT_LIST, false),
  page(5061, "Contact Business Relations", "ContactBusinessRelations", "Contact Business Relation", RELATIONS,
    false),
  page(50151, "Integration Records", "IntegrationRecords", "Integration Record", INTEGRATION, false),
}

pages.by_service = {}
for _, p in ipairs(pages.list) do pages.by_service[p.service] = p end

return pages
