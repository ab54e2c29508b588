--- The sandbox NAV's vendors, contacts and ship-to addresses: keys of several fields, what NAV's own
-- code does on a write, and how cards and contacts keep each other in step.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local cards = require "sandbox.nav.cards"
local nav = require "sandbox.nav"
local control = require "sandbox.control"
local odoo = require "sandbox.odoo"

local COMPANY <const> = "/DynamicsNAV110/ODataV4/Company('CRONUS%20International%20Ltd.')"
local AUTH <const> = "Basic " .. crypto.base64("navodoo:sandbox")
local START <const> = 1768435200 * 1000000 + 5 * 86400 * 1000000 -- 2026-01-20

local state
local clock = { now_us = START }
function clock.now() return clock.now_us end
function clock.advance(us) clock.now_us = clock.now_us + us end

local function fresh(options)
  clock.now_us = START
  options.seed = 1
  state = nav.new(options)
end

local function call(method, path, body, headers)
  local all = { authorization = AUTH, host = "nav.example:7048" }
  for name, value in pairs(headers or {}) do all[name] = value end
  path = path:gsub(" ", "%%20")
  return nav.handle({ method = method, path = COMPANY .. "/" .. path, headers = all, body = body }, state, clock)
end

local function get(path) return json.decode(call("GET", path).body) end
local function post(path, body) return json.decode(call("POST", path, body).body), call end
local function patch(path, body, tag)
  return json.decode(call("PATCH", path, body, { ["if-match"] = tag or "*" }).body)
end
local function message(answer) return answer.error and answer.error.message end

local function person_edit(change)
  local fields = {}
  for n, pair in ipairs(change.fields) do fields[n] = { key = pair[1], value = pair[2] } end
  change.fields = fields
  local done, refused = nav.edit(state, change, clock)
  return done or error(refused.message)
end

describe("sandbox.nav vendors", function()
  fresh { customers = 20, vendors = 12 }

  it("are read and written under the names of pages 26 and 27", function()
    local v = get "VendorCard('10000')"
    expect(v.Vendor_Posting_Group ~= "" and v.Blocked ~= nil and v.Location_Code ~= nil):is_true()
    expect(get "VendorList('10000')".Location_Code2):equals ""
    local made = post("VendorCard", '{"Name":"  Zulieferer","Country_Region_Code":"de","E_Mail":" a@b.example "}')
    expect(made.No):equals "V00010"
    expect(made.Country_Region_Code .. made.E_Mail .. made.Search_Name):equals "DEa@b.exampleZULIEFERER"
    expect(made.Invoice_Disc_Code .. made.Last_Date_Modified):equals "V000102026-01-20"
    expect(message(post("VendorCard", '{"Vendor_Posting_Group":"NONE"}'))):equals("The field Vendor Posting Group"
      .. " of table Vendor contains a value (NONE) that cannot be found in the related table (Vendor Posting Group).")
    expect(message(post("VendorCard", '{"Blocked":"Ship"}'))):equals(
      "'Ship' is not an option. The existing options are:  ,Payment,All")
    expect(message(get "VendorList?$filter=No eq 'XXXXXXXXXXXXXXXXXXXXXXXX'")):matches "on the Vendor table"
  end)

  it("share firms with customers at every fifth place", function()
    expect(cards.is_both(5, 20)):is_true()
    expect(get "VendorCard('50000')".VAT_Registration_No):equals(get "CustomerCard('50000')".VAT_Registration_No)
    expect(get "VendorCard('40000')".Name == get "CustomerCard('40000')".Name):is_false()
  end)

  it("refuse a number where the series is not for typing", function()
    state.setup.series.VEND.manual_nos = false
    expect(message(post("VendorCard", '{"No":"MINE"}'))):matches "activate Manual Nos%. in No%. Series VEND%."
    state.setup.series.VEND.manual_nos = true
    state.setup.vendor_nos = ""
    expect(message(post("VendorCard", '{"Name":"x"}'))):equals(
      "Vendor Nos. must have a value in Purchases & Payables Setup: Primary Key=. It cannot be zero or empty.")
    state.setup.vendor_nos = "VEND"
  end)
end)

describe("sandbox.nav ship-to addresses", function()
  fresh { customers = 20, addresses = 45 }

  it("have a key of two fields, in addresses, tags, pages and $metadata", function()
    local one = get "ShiptoAddress(Customer_No='10000',Code='MAIN')"
    expect(one.Customer_No .. one.Code):equals "10000MAIN"
    expect(get "ShiptoAddress(Code='MAIN',Customer_No='10000')"["@odata.etag"]):equals(one["@odata.etag"])
    expect(get "ShiptoAddress('10000','MAIN')".Name):equals(one.Name)
    for _, key in ipairs { "'10000'", "Customer_No='10000'", "Code='MAIN',Code='MAIN'", "'10000','MAIN','x'", "" } do
      expect(message(get("ShiptoAddress(" .. key .. ")"))):equals "Bad Request - Error in query syntax."
    end
    local pages, at, seen = 0, "ShiptoAddressList?$select=Code", {}
    while at do
      local response = call("GET", at, nil, { prefer = "odata.maxpagesize=10" })
      local page = json.decode(response.body)
      for _, row in ipairs(page.value) do seen[#seen + 1] = row["@odata.etag"] end
      at = page["@odata.nextLink"] and page["@odata.nextLink"]:match "(ShiptoAddressList.*)$"
      pages = pages + 1
    end
    expect(#seen .. " " .. pages):equals "45 5"
    local xml = nav.handle({ method = "GET", path = "/DynamicsNAV110/ODataV4/$metadata",
                             headers = { authorization = AUTH } }, state, clock).body
    expect(xml):matches '<PropertyRef Name="Customer_No"/><PropertyRef Name="Code"/>'
  end)

  it("sort by their key, whether its first field or all are named", function()
    local a = get "ShiptoAddress?$orderby=Customer_No,Code&$select=Customer_No,Code"
    local b = get "ShiptoAddress?$orderby=Customer_No&$select=Customer_No,Code"
    expect(json.encode(a.value)):equals(json.encode(b.value))
    local last = ""
    for _, row in ipairs(a.value) do
      local key = row.Customer_No .. "\0" .. row.Code
      expect(key > last):is_true()
      last = key
    end
    local behind = get "ShiptoAddress?$filter=Customer_No eq '10000' and Code gt 'EAST'&$orderby=Customer_No,Code"
    for _, row in ipairs(behind.value) do expect(row.Code > "EAST"):is_true() end
  end)

  it("take the customer's name when they are new, and a date only when they change", function()
    local made = post("ShiptoAddress", '{"Customer_No":"10000","Code":" dock ","Name":"Warehouse","City":"Bonn"}')
    expect(made.Code .. made.Last_Date_Modified):equals "DOCK0001-01-01"
    expect(made.Name):equals(get "CustomerCard('10000')".Name)
    local changed = patch("ShiptoAddress(Customer_No='10000',Code='DOCK')", '{"Name":"Warehouse"}', made["@odata.etag"])
    expect(changed.Name .. changed.Last_Date_Modified):equals "Warehouse2026-01-20"
    expect(changed["@odata.etag"] ~= made["@odata.etag"]):is_true()
    local stale = patch("ShiptoAddress(Customer_No='10000',Code='DOCK')", '{"Name":"x"}', made["@odata.etag"])
    expect(stale.error.code):equals "Request_EntityChanged"
    local response = call("POST", "ShiptoAddress", '{"Customer_No":"10000","Code":"B"}')
    expect(response.headers.Location):matches "/ShiptoAddress%(Customer_No='10000',Code='B'%)$"
  end)

  it("need a customer that is there, and a code", function()
    expect(message(post("ShiptoAddress", '{"Customer_No":"NOBODY","Code":"X"}'))):matches "related table %(Customer%)"
    expect(message(post("ShiptoAddress", '{"Customer_No":"10000"}'))):matches "^Code must have a value in Ship%-to"
    expect(message(post("ShiptoAddress", '{"Customer_No":"10000","Code":"MAIN"}'))):equals("The Ship-to Address"
      .. " already exists. Identification fields and values: Customer No.='10000',Code='MAIN'")
  end)
end)

describe("sandbox.nav contacts", function()
  fresh { customers = 10, vendors = 10, contacts = 12 }

  it("are companies of cards and persons of companies", function()
    expect(#state.tables.Contact.keys):equals(32)
    local person = get "ContactCard?$filter=Type eq 'Person'".value[1]
    expect(person.IntegrationCustomerNo):equals "10000"
    expect(get("ContactCard('" .. person.Company_No .. "')").Name):equals(get "CustomerCard('10000')".Name)
    local relation = get "ContactBusinessRelations?$filter=Link_to_Table eq 'Customer' and No eq '10000'".value[1]
    expect(relation.Contact_No):equals(person.Company_No)
    expect(call("POST", "ContactBusinessRelations", "{}").status):equals(405)
  end)

  it("inherit from the company what they were not given, once they are persons", function()
    local company = get "ContactCard?$filter=Type eq 'Person'".value[1].Company_No
    expect(message(post("ContactCard", ('{"Name":"Ann Lee","Company_No":"%s","Type":"Person"}'):format(company))))
      :equals("Type must be equal to 'Person'  in Contact: No.=. Current value is 'Company'.")
    local made = post("ContactCard", ('{"Type":"Person","Name":"Ann Mary Lee","Company_No":"%s",'
      .. '"E_Mail":"a@l.example"}'):format(company))
    local card = get "CustomerCard('10000')"
    expect(made.No):equals "CT000021"
    expect(made.E_Mail .. made.Address .. made.Phone_No):equals("a@l.example" .. card.Address .. card.Phone_No)
    expect(made.Company_Name .. made.IntegrationCustomerNo):equals(card.Name .. "10000")
    local row = state.tables.Contact.by_key["CT000021"]
    expect(row["First Name"] .. row["Middle Name"] .. row["Surname"]):equals "AnnMaryLee"
    local by_name = post("ContactCard", ('{"Type":"Person","Name":"Bo","Company_Name":"%s"}'):format(card.Name:lower()))
    expect(by_name.Company_No):equals(company)
    by_name = post("ContactCard", '{"Type":"Person","Name":"Cy","IntegrationCustomerNo":"20000"}')
    expect(by_name.IntegrationCustomerNo .. by_name.Company_Name):equals("20000" .. get "CustomerCard('20000')".Name)
    expect(message(post("ContactCard", '{"Type":"Person","IntegrationCustomerNo":"NO"}'))):equals(
      "The Customer does not exist. Identification fields and values: No.='NO'")
    expect(message(post("ContactCard", '{"IntegrationCustomerNo":"20000"}'))):matches "^Type must be equal to 'Person'"
    expect(message(post("ContactCard", '{"Type":"Person","Company_Name":"nobody at all"}'))):equals(
      "You must select an existing contact.")
    expect(message(post("ContactCard", '{"Type":"Person","VAT_Registration_No":"GB123456789"}'))):matches(
      "^VAT Registration No%. must be equal to ''  in Contact")
  end)

  it("follow their cards, and cards follow them", function()
    local company = get "ContactCard?$filter=Type eq 'Person'".value[1].Company_No
    local before = get "CustomerCard('10000')"
    patch("CustomerCard('10000')", '{"Phone_No":"+44 1","Name":"New Name"}')
    local contact = get("ContactCard('" .. company .. "')")
    expect(contact.Phone_No .. contact.Name .. contact.Company_Name):equals "+44 1New NameNew Name"
    expect(get("ContactCard('CT000021')").Company_Name):equals "New Name"
    clock.advance(86400 * 1000000)
    person_edit { table = "Contact", key = company, fields = { { "E-Mail", "x@y.example" } } }
    local after = get "CustomerCard('10000')"
    expect(after.E_Mail .. after.Last_Date_Modified):equals "x@y.example2026-01-21"
    expect(after["@odata.etag"] ~= before["@odata.etag"]):is_true()
    expect(get("ContactCard('CT000021')").E_Mail):equals "a@l.example" -- its own
  end)

  it("lend a card their name when they are its first person", function()
    local persons = get "ContactCard?$filter=Type eq 'Person'".value
    local mine, other = persons[1], nil
    for _, person in ipairs(persons) do
      if person.IntegrationCustomerNo ~= "10000" then other = person end
    end
    local card = patch("CustomerCard('10000')", ('{"Primary_Contact_No":"%s"}'):format(mine.No))
    expect(card.ContactName .. card.Phone_No .. card.E_Mail):equals(mine.Name .. mine.Phone_No .. mine.E_Mail)
    expect(message(patch("CustomerCard('10000')", ('{"Primary_Contact_No":"%s"}'):format(other.No)))):equals(
      ("Contact %s %s is not related to customer 10000 %s."):format(other.No, other.Name, card.Name))
    patch("ContactCard('" .. mine.No .. "')", '{"Name":"Wed Ann"}')
    expect(get "CustomerCard('10000')".ContactName):equals "Wed Ann"
    expect(message(post("CustomerCard", ('{"Primary_Contact_No":"%s"}'):format(mine.No)))):equals(
      "There is no Contact Business Relation within the filter.")
  end)

  it("come and go with new cards, and stay through save and restore", function()
    local made = post("CustomerCard", '{"Name":"Newcomer"}')
    local relation = get(("ContactBusinessRelations?$filter=No eq '%s'"):format(made.No)).value[1]
    expect(get("ContactCard('" .. relation.Contact_No .. "')").Name):equals "Newcomer"
    state = nav.restore(json.decode(json.encode(nav.save(state))))
    patch("CustomerCard('" .. made.No .. "')", '{"Name":"Oldtimer"}')
    expect(get("ContactCard('" .. relation.Contact_No .. "')").Name):equals "Oldtimer"
    expect(nav.stats(state).tables.Contact.creates):equals(3)
    expect(nav.stats(state).tables.Customer.updates > 0):is_true()
    expect(#nav.dump(state, "Ship-to Address")):equals(0)
  end)
end)

describe("sandbox crowds and clocks", function()
  local sides = {
    nav = { kind = "nav", module = nav },
    odoo = { kind = "odoo", module = odoo },
  }
  fresh { customers = 40, vendors = 10 }
  sides.nav.state = state
  sides.odoo.state = odoo.new { partners = 40, customers = 40, vendors = 10, start_us = START }

  local function command(side, route, body)
    local response = control.handle({ method = "POST", path = "/_sandbox/" .. route, body = body or "" },
      sides[side], clock)
    return json.decode(response.body), response.status
  end

  it("changes so many records, each once, the same for one seed", function()
    local done = command("nav", "crowd", '{"edits":15,"seed":3,"except":["10000"]}').done
    expect(#done):equals(15)
    local seen = {}
    for _, entry in ipairs(done) do
      expect(seen[entry.key] or entry.key == "10000"):equals(false)
      seen[entry.key] = true
      for field, value in pairs(entry.changed) do
        expect(state.tables.Customer.by_key[entry.key][field]):equals(value)
      end
      expect(state.tables.Customer.by_key[entry.key]["Last Date Modified"]):equals "2026-01-20"
    end
    done = command("odoo", "crowd", '{"edits":5,"seed":3}').done
    expect(#done):equals(5)
    local row = sides.odoo.state:table("res.partner").rows[done[1].key]
    expect(row.write_uid):equals(2)
    local again = odoo.new { partners = 40, customers = 40, vendors = 10, start_us = START }
    sides.odoo.state = again
    expect(json.encode(command("odoo", "crowd", '{"edits":5,"seed":3}').done)):equals(json.encode(done))
    expect(select(2, command("nav", "crowd", "{}"))):equals(400)
    expect(select(2, command("nav", "crowd", '{"edits":1,"table":"Nothing"}'))):equals(404)
  end)

  it("moves the time on, and lets work end late", function()
    expect(command("nav", "clock", '{"days":1}').now):matches "^2026%-01%-21T"
    command("nav", "edit", '{"key":"10000","fields":{"Phone No.":"1"},"late_ms":86400000}')
    expect(state.tables.Customer.by_key["10000"]["Last Date Modified"]):equals "2026-01-20"
    local id = command("odoo", "crowd", '{"edits":1}').done[1].key
    local late = command("odoo", "edit", ('{"model":"res.partner","key":%d,"fields":{"phone":"2"},"late_ms":60000}')
      :format(id))
    expect(late.key):equals(id)
    local row = sides.odoo.state:table("res.partner").rows[id]
    expect((clock.now() - row.write_date + 500) // 1000):equals(60000)
    expect(select(2, command("nav", "clock", '{"days":-1}'))):equals(400)
  end)
end)
