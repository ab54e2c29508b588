--- What is known of NAV's tables where its metadata says nothing: lengths by version, options,
-- codes, and what is computed.
--
-- `$metadata` of NAV has no lengths, and an option looks like a text there. These are the
-- fields that the standard pages show; the name of a web service is free, so a page is known
-- by the names that are usual for it. A length that changed with the versions is written
-- nav2017/nav2018/bc14/bc.

local nav_tables = {}

local VERSIONS <const> = { "nav2017", "nav2018", "bc14", "bc" }
local index_of = {}
for i, version in ipairs(VERSIONS) do index_of[version] = i end

--- The versions that lengths are known of.
nav_tables.versions = VERSIONS

---@class navodoo.NavField
---@field type "code"|"char"|"option"|"decimal"|"integer"|"boolean"|"date"|"datetime"|"guid"
---@field max integer?        characters; of the version asked for, else the least of all
---@field options string[]?
---@field readonly boolean
---@field sum boolean?        of entries, as of the moment: no change of the card tells when it changes

local by_service = {}

local function add(def)
  for _, service in ipairs(def.services) do by_service[service] = def end
end

add {
  name = "Customer", services = { "Customer", "CustomerCard", "CustomerList", "Customer_Card", "Customers" },
  code = [[
    No=20 Search_Name=50/50/100/100 IC_Partner_Code=20 Salesperson_Code=10/20/20/20
    Responsibility_Center=10 Service_Zone_Code=10 Document_Sending_Profile=20 Post_Code=20
    Country_Region_Code=10 Primary_Contact_No=20 Language_Code=10 Bill_to_Customer_No=20 GLN=13
    Gen_Bus_Posting_Group=10/20/20/20 VAT_Bus_Posting_Group=10/20/20/20
    Customer_Posting_Group=10/20/20/20 Currency_Code=10 Customer_Price_Group=10
    Customer_Disc_Group=20 Invoice_Disc_Code=20 Payment_Terms_Code=10 Payment_Method_Code=10
    Reminder_Terms_Code=10 Fin_Charge_Terms_Code=10 Cash_Flow_Payment_Terms_Code=10
    Preferred_Bank_Account_Code=10/20/20/20 Location_Code=10 Shipment_Method_Code=10
    Shipping_Agent_Code=10 Shipping_Agent_Service_Code=10 Base_Calendar_Code=10
  ]],
  text = [[
    Name=50/50/100/100 Address=50/50/100/100 Address_2=50 City=30 ContactName=50/50/100/100
    Phone_No=30 E_Mail=80 Fax_No=30 Home_Page=80/80/80/255 VAT_Registration_No=20
    Contact=50/50/100/100
  ]],
  decimal = [[
    Balance_LCY Balance_Due_LCY Credit_Limit_LCY Prepayment_Percent Balance_LCY_2 CreditLimit
    Payments_LCY Sales_LCY
  ]],
  integer = "Invoice_Copies Last_Statement_No",
  boolean = [[
    Privacy_Blocked Allow_Line_Disc Prices_Including_VAT Print_Statements Block_Payment_Tolerance
    Combine_Shipments
  ]],
  date = "Last_Date_Modified",
  formula = "Shipping_Time",
  computed = [[
    TotalSales2 CustSalesLCY_CustProfit_AdjmtCostLCY AdjCustProfit AdjProfitPct ShowMap
    Customized_Calendar GetMoneyOwedExpected CalcCreditLimitLCYExpendedPct Balance_Due
    CustomerMgt_AvgDaysToPay_No DaysPaidPastDueDate GetAmountOnPostedInvoices GetAmountOnCrMemo
    GetAmountOnOutstandingInvoices GetAmountOnOutstandingCrMemos Totals CustInvDiscAmountLCY
  ]],
  readonly = "Balance_LCY Balance_Due_LCY Last_Date_Modified Balance_LCY_2 Payments_LCY Sales_LCY",
  option = {
    Blocked = { " ", "Ship", "Invoice", "All" },
    Copy_Sell_to_Addr_to_Qte_From = { "Company", "Person" },
    Application_Method = { "Manual", "Apply to Oldest" },
    Partner_Type = { " ", "Company", "Person" },
    Reserve = { "Never", "Optional", "Always" },
    Shipping_Advice = { "Partial", "Complete" },
  },
}

add {
  name = "Vendor", services = { "Vendor", "VendorCard", "VendorList", "Vendors" },
  code = [[
    No=20 Document_Sending_Profile=20 Search_Name=50/50/100/100 IC_Partner_Code=20
    Purchaser_Code=10/20/20/20 Responsibility_Center=10 Post_Code=20 Country_Region_Code=10
    Primary_Contact_No=20 Language_Code=10 GLN=13 Pay_to_Vendor_No=20 Invoice_Disc_Code=20
    Gen_Bus_Posting_Group=10/20/20/20 VAT_Bus_Posting_Group=10/20/20/20
    Vendor_Posting_Group=10/20/20/20 Currency_Code=10 Payment_Terms_Code=10 Payment_Method_Code=10
    Preferred_Bank_Account_Code=10/20/20/20 Cash_Flow_Payment_Terms_Code=10 Creditor_No=20
    Location_Code=10 Shipment_Method_Code=10 Base_Calendar_Code=10 Fin_Charge_Terms_Code=10
    Location_Code2=10
  ]],
  text = [[
    Name=50/50/100/100 Address=50/50/100/100 Address_2=50 City=30 Contact=50/50/100/100 Phone_No=30
    E_Mail=80 Fax_No=30 Home_Page=80/80/80/255 Our_Account_No=20 VAT_Registration_No=20
  ]],
  decimal = "Balance_LCY Balance_Due_LCY Prepayment_Percent",
  integer = "Priority",
  boolean = "Privacy_Blocked Prices_Including_VAT Block_Payment_Tolerance",
  date = "Last_Date_Modified",
  formula = "Lead_Time_Calculation",
  computed = "ShowMap Customized_Calendar",
  readonly = "Last_Date_Modified Balance_LCY Balance_Due_LCY",
  option = {
    Blocked = { " ", "Payment", "All" },
    Application_Method = { "Manual", "Apply to Oldest" },
    Partner_Type = { " ", "Company", "Person" },
  },
}

add {
  name = "Item", services = { "Item", "ItemCard", "ItemList", "Item_Card", "Items" },
  code = [[
    No=20 Base_Unit_of_Measure=10 GTIN=14 Item_Category_Code=20 Product_Group_Code=10
    Service_Item_Group=10 Shelf_No=10 Search_Description=50/50/100/100
    Gen_Prod_Posting_Group=10/20/20/20 VAT_Prod_Posting_Group=10/20/20/20
    Inventory_Posting_Group=10/20/20/20 Default_Deferral_Template_Code=10 Tariff_No=20
    Country_Region_of_Origin_Code=10 Item_Disc_Group=20 Sales_Unit_of_Measure=10
    Application_Wksh_User_ID=128 VAT_Bus_Posting_Gr_Price=10/20/20/20 Vendor_No=20
    Purch_Unit_of_Measure=10 Routing_No=20 Production_BOM_No=20 Item_Tracking_Code=10
    Serial_Nos=10/20/20/20 Lot_Nos=10/20/20/20 Warehouse_Class_Code=10 Special_Equipment_Code=10
    Put_away_Template_Code=10 Put_away_Unit_of_Measure_Code=10 Phys_Invt_Counting_Period_Code=10
    Identifier_Code=20
  ]],
  text = "Description=50/50/100/100 Vendor_Item_No=20/20/20/50",
  decimal = [[
    Inventory InventoryNonFoundation Qty_on_Purch_Order Qty_on_Prod_Order Qty_on_Component_Lines
    Qty_on_Sales_Order Qty_on_Service_Order Qty_on_Job_Order Qty_on_Assembly_Order
    Qty_on_Asm_Component Net_Weight Gross_Weight Unit_Volume Standard_Cost Unit_Cost
    Indirect_Cost_Percent Last_Direct_Cost Net_Invoiced_Qty Unit_Price Profit_Percent
    Rounding_Precision Overhead_Rate Scrap_Percent Lot_Size Dampener_Quantity
    Safety_Stock_Quantity Reorder_Point Reorder_Quantity Maximum_Inventory Overflow_Level
    Minimum_Order_Quantity Maximum_Order_Quantity Order_Multiple
  ]],
  boolean = [[
    Blocked Automatic_Ext_Texts Created_From_Nonstock_Item Cost_is_Adjusted
    Cost_is_Posted_to_G_L Price_Includes_VAT Allow_Invoice_Disc Assembly_BOM
    Stockkeeping_Unit_Exists Critical Include_Inventory Use_Cross_Docking Substitutes_Exist
  ]],
  date = [[
    Last_Date_Modified Last_Phys_Invt_Date Last_Counting_Period_Update Next_Counting_Start_Date
    Next_Counting_End_Date
  ]],
  formula = [[
    Lead_Time_Calculation Dampener_Period Safety_Lead_Time Lot_Accumulation_Period
    Rescheduling_Period Time_Bucket Expiration_Calculation
  ]],
  computed = [[
    SpecialPurchPricesAndDiscountsTxt CalcUnitPriceExclVAT SpecialPricesAndDiscountsTxt
  ]],
  readonly = [[
    Last_Date_Modified Created_From_Nonstock_Item Cost_is_Adjusted Cost_is_Posted_to_G_L
    Assembly_BOM Stockkeeping_Unit_Exists Last_Phys_Invt_Date Last_Counting_Period_Update
    Next_Counting_Start_Date Next_Counting_End_Date Identifier_Code Substitutes_Exist
  ]],
  sums = [[
    Inventory InventoryNonFoundation Qty_on_Purch_Order Qty_on_Prod_Order Qty_on_Component_Lines
    Qty_on_Sales_Order Qty_on_Service_Order Qty_on_Job_Order Qty_on_Assembly_Order
    Qty_on_Asm_Component Net_Invoiced_Qty
  ]],
  option = {
    Type = { "Inventory", "Service" },
    StockoutWarningDefaultYes = { "Default", "No", "Yes" },
    StockoutWarningDefaultNo = { "Default", "No", "Yes" },
    PreventNegInventoryDefaultYes = { "Default", "No", "Yes" },
    PreventNegInventoryDefaultNo = { "Default", "No", "Yes" },
    Costing_Method = { "FIFO", "LIFO", "Specific", "Average", "Standard" },
    Price_Profit_Calculation = { "Profit=Price-Cost", "Price=Cost+Profit", "No Relationship" },
    Replenishment_System = { "Purchase", "Prod. Order", " ", "Assembly" },
    Manufacturing_Policy = { "Make-to-Stock", "Make-to-Order" },
    Flushing_Method = { "Manual", "Forward", "Backward", "Pick + Forward", "Pick + Backward" },
    Assembly_Policy = { "Assemble-to-Stock", "Assemble-to-Order" },
    Reordering_Policy = { " ", "Fixed Reorder Qty.", "Maximum Qty.", "Order", "Lot-for-Lot" },
    Reserve = { "Never", "Optional", "Always" },
    Order_Tracking_Policy = { "None", "Tracking Only", "Tracking & Action Msg." },
  },
}

add {
  name = "Ship-to Address",
  services = { "ShiptoAddress", "ShiptoAddressList", "Ship-toAddress", "Ship-toAddressList" },
  code = [[
    Code=10 Post_Code=20 Country_Region_Code=10 Location_Code=10 Shipment_Method_Code=10
    Shipping_Agent_Code=10 Shipping_Agent_Service_Code=10 Service_Zone_Code=10 Customer_No=20
  ]],
  text = [[
    Name=50/50/100/100 Address=50/50/100/100 Address_2=50 City=30 Phone_No=30 Contact=50/50/100/100
    Fax_No=30 E_Mail=80 Home_Page=80/80/80/255
  ]],
  date = "Last_Date_Modified",
  computed = "ShowMap",
  readonly = "Last_Date_Modified",
}

add {
  name = "Contact", services = { "Contact", "ContactCard", "ContactList" },
  code = [[
    No=20 Company_No=20 Search_Name=50/50/100/100 Salesperson_Code=10/20/20/20 Salutation_Code=10
    Organizational_Level_Code=10 Post_Code=20 Country_Region_Code=10 Language_Code=10
    Currency_Code=10 Territory_Code=10
  ]],
  text = [[
    Name=50/50/100/100 Company_Name=50/50/100/100 Address=50/50/100/100 Address_2=50 City=30
    Phone_No=30 Mobile_Phone_No=30 E_Mail=80 Fax_No=30 Home_Page=80/80/80/255 VAT_Registration_No=20
  ]],
  boolean = "Exclude_from_Segment Privacy_Blocked Minor Parental_Consent_Received",
  date = "Last_Date_Modified Date_of_Last_Interaction Last_Date_Attempted Next_Task_Date",
  computed = "IntegrationCustomerNo ShowMap",
  readonly = "Last_Date_Modified Date_of_Last_Interaction Last_Date_Attempted Next_Task_Date",
  option = {
    Type = { "Company", "Person" },
    Correspondence_Type = { " ", "Hard Copy", "Email", "Fax" },
  },
}
-- "50/50/100/100" -> the length in that version, or the least.
local function length(text, version)
  local list = {}
  for n in text:gmatch "%d+" do list[#list + 1] = math.tointeger(tonumber(n)) end
  if #list == 1 then return list[1] end
  return version and list[index_of[version]] or math.min(table.unpack(list))
end

local TYPE <const> = { code = "code", text = "char", decimal = "decimal", integer = "integer",
                       boolean = "boolean", date = "date", formula = "char", computed = "char" }

--- Fields of the page that a web service is usually made of, by property.
---@param service string
---@param version string?  one of `nav_tables.versions`
---@return table<string, navodoo.NavField>?  nil when the name tells nothing
function nav_tables.fields(service, version)
  local def = by_service[service]
  if not def then return nil end
  local fields = {}
  for group, type_name in pairs(TYPE) do -- into a table by name
    for name, max in (def[group] or ""):gmatch "([%w_]+)=?([%d/]*)" do
      fields[name] = { type = type_name, max = max ~= "" and length(max, version) or nil,
                       readonly = group == "computed" and name ~= "IntegrationCustomerNo" }
    end
  end
  for name, options in pairs(def.option or {}) do
    fields[name] = { type = "option", options = options, readonly = false }
  end
  for name in (def.readonly or ""):gmatch "[%w_]+" do fields[name].readonly = true end
  for name in (def.sums or ""):gmatch "[%w_]+" do fields[name].readonly, fields[name].sum = true, true end
  return fields
end

return nav_tables
