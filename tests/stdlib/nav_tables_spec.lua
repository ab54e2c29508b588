--- What is known of NAV's pages where its metadata says nothing.

local nav_tables = require "navodoo.nav_tables"

describe("nav_tables.fields", function()
  it("knows lengths by version, and takes the least where none is said", function()
    local function lengths(version)
      local f = nav_tables.fields("CustomerCard", version)
      return { f.Name.max, f.Customer_Posting_Group.max, f.Home_Page.max, f.City.max }
    end
    expect(lengths "nav2017"):equals({ 50, 10, 80, 30 })
    expect(lengths "nav2018"):equals({ 50, 20, 80, 30 })
    expect(lengths "bc14"):equals({ 100, 20, 80, 30 })
    expect(lengths "bc"):equals({ 100, 20, 255, 30 })
    expect(lengths(nil)):equals({ 50, 10, 80, 30 })
  end)
  it("knows codes, options and what is computed", function()
    local f = nav_tables.fields "VendorCard"
    expect({ f.No.type, f.Name.type, f.Balance_LCY.type, f.Last_Date_Modified.type, f.Blocked.type }):equals(
      { "code", "char", "decimal", "date", "option" })
    expect(f.Blocked.options):equals({ " ", "Payment", "All" })
    expect({ f.Balance_LCY.readonly, f.Last_Date_Modified.readonly, f.ShowMap.readonly, f.Name.readonly }):equals(
      { true, true, true, false })
    expect(nav_tables.fields("ContactCard").IntegrationCustomerNo.readonly):equals(false)
  end)
  it("knows a page by the names that are usual for it", function()
    expect(nav_tables.fields("Customers").No.max):equals(20)
    expect(nav_tables.fields("ShiptoAddress").Code.max):equals(10)
    expect(nav_tables.fields "MyPage"):is_nil()
  end)
end)
