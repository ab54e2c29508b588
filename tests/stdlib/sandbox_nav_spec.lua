--- The sandbox NAV on the wire: addresses, reading, filters, paging, tags, what a write does and refuses.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local etag = require "sandbox.nav.etag"
local names = require "sandbox.nav.names"
local ordered = require "sandbox.nav.ordered"
local people = require "sandbox.people"

local ROOT <const> = "/DynamicsNAV110/ODataV4"
local COMPANY <const> = ROOT .. "/Company('CRONUS%20International%20Ltd.')"
local AUTH <const> = "Basic " .. crypto.base64("navodoo:sandbox")
local DAY <const> = 86400 * 1000000

local state
local clock = { now_us = 0 }
function clock.now() return clock.now_us end

local function fresh(customers)
  clock.now_us = 1768435200 * 1000000 + 5 * DAY -- 2026-01-20
  state = nav.new { customers = customers or 60, seed = 1 }
end

local function encode(text)
  return (text:gsub("[ %%#+]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function call(method, path, body, headers)
  local all = { authorization = AUTH, host = "nav.example:7048" }
  for name, value in pairs(headers or {}) do all[name] = value end
  if path:sub(1, 1) ~= "/" then path = COMPANY .. "/" .. path end
  return nav.handle({ method = method, path = encode(path):gsub("%%2520", "%%20"), headers = all, body = body },
    state, clock)
end

local function get(path, headers) return json.decode(call("GET", path, nil, headers).body) end

local function refused(response, status, code, message)
  local err = json.decode(response.body).error
  expect(response.status):equals(status)
  expect(err.code):equals(code)
  if message then expect(err.message):equals(message) end
end

local function filter(text, select)
  return call("GET", "CustomerCard?$filter=" .. text .. "&$select=" .. (select or "No"))
end

local function keys(text)
  local list = {}
  for n, row in ipairs(json.decode(filter(text).body).value) do list[n] = row.No end
  return list
end

local function patch(key, body, tag)
  return call("PATCH", ("CustomerCard('%s')"):format(key), body, { ["if-match"] = tag or "*" })
end

describe("sandbox.nav names", function()
  it("follow the algorithm that NAV uses", function()
    for name, wanted in pairs {
      ["No."] = "No", ["Post Code"] = "Post_Code", ["Country/Region Code"] = "Country_Region_Code",
      ["E-Mail"] = "E_Mail", ["Line Discount %"] = "Line_Discount_Percent",
      ["Balance (LCY)"] = "Balance_LCY", ["Salespers./Purch. Code"] = "Salespers_Purch_Code",
      ["Qty. to Ship"] = "Qty_to_Ship", ["EU 3-Party Trade"] = "EU_3_Party_Trade",
      ["ShortcutDimCode[3]"] = "ShortcutDimCode_x005B_3_x005D_", ["A&B"] = "A_x0026_B",
    } do
      expect(names.externalize(name)):equals(wanted)
    end
  end)
end)

describe("sandbox.nav tags", function()
  it("are the key chain that a real NAV sent for 18 / 10000", function()
    local chain = etag.chain(18, "10000", 79124177)
    expect(chain):equals("28;EgAAAAJ7BTEAMAAwADAAMAAAAAAA8;791241770;")
    expect(etag.of_chain(chain)):equals("W/\"'28%3BEgAAAAJ7BTEAMAAwADAAMAAAAAAA8%3B791241770%3B'\"")
    expect(etag.parse(etag.of_chain(chain))):equals(chain)
    expect(etag.parse("*")):equals("*")
    expect(etag.parse("nonsense")):is_nil()
  end)
end)

describe("sandbox.nav payload order", function()
  it("is kept, with all that JSON allows between", function()
    local text = ' { "b" : {"x":["}",2]} , "a\\"\\u00e9":"q,}\\\\" , "n":-1.5e3,"b":null }'
    local members = ordered.members(text)
    expect(#members):equals(3)
    expect(members[1].key):equals("b")
    expect(members[1].value == json.null):is_true()
    expect(members[2].key):equals('a"é')
    expect(members[3].raw):equals("-1.5e3")
    expect(ordered.members("[1]")):is_nil()
    expect(ordered.members('{"a":1')):is_nil()
  end)
end)

describe("sandbox.nav addresses", function()
  fresh()

  it("ask for credentials and say which kind", function()
    local response = call("GET", "CustomerCard", nil, { authorization = "Basic " .. crypto.base64("navodoo:x") })
    refused(response, 401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.")
    expect(response.headers["WWW-Authenticate"]):equals('Basic realm=""')
    expect(call("GET", "CustomerCard", nil, { authorization = "Bearer x" }).status):equals(401)
    expect(call("GET", "CustomerCard", nil, { authorization = "Basic " .. crypto.base64("NAVODOO:sandbox") }).status)
      :equals(200)
  end)

  it("take the company in the path, in the query, or none where there is one only", function()
    for _, path in ipairs { COMPANY .. "/CustomerCard('10000')", ROOT .. "/CustomerCard('10000')",
                            ROOT .. "/CustomerCard('10000')?company=CRONUS%20International%20Ltd." } do
      expect(get(path).No):equals("10000")
    end
    refused(call("GET", ROOT .. "/Company('Nobody')/CustomerCard"), 404, "Internal_CompanyNotFound")
    refused(call("GET", ROOT .. "/CustomerCard?company=Nobody"), 404, "Internal_CompanyNotFound")
    expect(get(ROOT .. "/Company").value[1].Name):equals("CRONUS International Ltd.")
    expect(get(COMPANY).Name):equals("CRONUS International Ltd.")
  end)

  it("know services by their exact name", function()
    refused(call("GET", "customercard"), 404, "BadRequest_ResourceNotFound",
      "Resource not found for the segment 'customercard'.")
    refused(call("GET", "CustomerCard('10000')/Name/x"), 404, "BadRequest_ResourceNotFound")
    refused(call("GET", "\200\255%FF"), 400, "BadRequest")
    expect(call("GET", "/Elsewhere/ODataV4/Company").status):equals(404)
    expect(call("GET", "/DynamicsNAV110/WS/Company").status):equals(405)
    expect(get(ROOT).value[2].name):equals("CustomerCard")
  end)

  it("read keys as OData writes them", function()
    expect(get("CustomerCard(No='10000')").No):equals("10000")
    refused(call("GET", "CustomerCard(10000)"), 404, "BadRequest_NotFound", "Bad Request - Error in query syntax.")
    refused(call("GET", "CustomerCard(Nr='10000')"), 404, "BadRequest_NotFound")
    refused(call("GET", "CustomerCard('77777')"), 404, "BadRequest_ResourceNotFound")
  end)

  it("allow each method where NAV does", function()
    refused(call("PATCH", "CustomerCard", "{}"), 405, "BadRequest_MethodNotAllowed", "'PATCH' requests for"
      .. " 'CustomerCard' of EdmType 'Collection' are not allowed within Microsoft Dynamics NAV OData web services.")
    expect(call("POST", "CustomerCard('10000')", "{}").status):equals(405)
    expect(call("POST", "CustomerList", "{}").status):equals(405)
    expect(call("DELETE", "CustomerList('10000')").status):equals(405)
    refused(call("POST", "CustomerCard('10000')/NAV.Copy", "{}"), 501, "BadRequest_MethodNotImplemented")
  end)

  it("describe the pages in $metadata", function()
    local xml = call("GET", ROOT .. "/$metadata").body
    for _, piece in ipairs {
      '<Property Name="No" Type="Edm.String" Nullable="false" MaxLength="20"/>',
      '<Property Name="Name" Type="Edm.String" MaxLength="50"/>',
      '<Property Name="Credit_Limit_LCY" Type="Edm.Decimal" Nullable="false" Scale="Variable"/>',
      '<Property Name="Blocked" Type="Edm.String"/>',
      '<Property Name="Last_Date_Modified" Type="Edm.Date" Nullable="false"/>',
      '<EntitySet Name="CustomerList" EntityType="NAV.CustomerList"/>',
    } do
      expect(xml:find(piece, 1, true) ~= nil):is_true()
    end
  end)
end)

describe("sandbox.nav reading", function()
  fresh(2300)

  it("shows every property in page order, blanks as NAV has them", function()
    local body = call("GET", "CustomerCard('10000')").body
    local members = ordered.members(body)
    expect(members[1].value):equals("http://nav.example:7048" .. COMPANY:gsub("/Company.*", "/$metadata#")
      .. "Company('CRONUS%20International%20Ltd.')/CustomerCard/$entity")
    expect(members[2].key):equals("@odata.etag")
    expect(members[3].key):equals("No")
    expect(members[5].key):equals("Search_Name")
    expect(#members):equals(2 + 81 + 4 + 1)
    local record = json.decode(body)
    expect(record.ShowMap):equals("")
    expect(record.Reserve):equals("Optional")
    expect(record.Partner_Type):equals(" ")
    expect(record.Allow_Line_Disc):is_true()
    expect(record.Invoice_Copies):equals(0)
    expect(record.Invoice_Disc_Code):equals("10000")
    expect(#get("CustomerList?$top=1").value[1]["@odata.etag"] > 10):is_true()
  end)

  it("pages by a thousand in key order, each row once", function()
    local seen, path, pages, last = {}, "CustomerCard?$select=No", 0, ""
    repeat
      local page = get(path)
      pages = pages + 1
      for _, row in ipairs(page.value) do
        expect(row.No > last):is_true()
        last, seen[#seen + 1] = row.No, row.No
      end
      local link = page["@odata.nextLink"]
      path = link and link:gsub("^http://[^/]+", "")
      if link then expect(link:find("$skiptoken='" .. last .. "'", 1, true) ~= nil):is_true() end
    until not path
    expect(pages):equals(3)
    expect(#seen):equals(2300)
  end)

  it("lowers the page on request, never raises it, and gives no link with $top", function()
    local response = call("GET", "CustomerCard?$select=No", nil, { prefer = "odata.maxpagesize=3" })
    expect(response.headers["Preference-Applied"]):equals("odata.maxpagesize=3")
    expect(#json.decode(response.body).value):equals(3)
    expect(#get("CustomerCard?$select=No", { prefer = "odata.maxpagesize=5000" }).value):equals(1000)
    local page = get("CustomerCard?$select=No&$top=4&$skip=2&$count=true")
    expect(#page.value):equals(4)
    expect(page["@odata.nextLink"]):is_nil()
    expect(page["@odata.count"]):equals(2300)
    expect(call("GET", "CustomerCard/$count").body):equals("2300")
  end)

  it("sorts by any field, pages included", function()
    local path, last, n = "CustomerCard?$select=No,Last_Date_Modified&$orderby=Last_Date_Modified desc,No", "9999", 0
    repeat
      local page = get(path)
      for _, row in ipairs(page.value) do
        expect(row.Last_Date_Modified <= last):is_true()
        last, n = row.Last_Date_Modified, n + 1
      end
      path = page["@odata.nextLink"] and page["@odata.nextLink"]:gsub("^http://[^/]+", "")
    until not path
    expect(n):equals(2300)
  end)

  it("filters", function()
    expect(keys("No eq '10000'")):equals({ "10000" })
    expect(keys("'10000' eq No")):equals({ "10000" })
    expect(keys("No eq '10000' or No eq '20000' or No eq '77777'")):equals({ "10000", "20000" })
    expect(keys("No ge '10000' and No lt '30000' and contains(Name,'')")[1]):equals("10000")
    local blocked = json.decode(filter("Blocked ne ' ' and Blocked gt 'Ship'", "Blocked").body).value
    expect(#blocked > 10):is_true()
    for _, row in ipairs(blocked) do expect(row.Blocked == "Ship" or row.Blocked == " "):is_false() end
    for _, row in ipairs(json.decode(filter("startswith(City,'M') and endswith(City,'n')", "City").body).value) do
      expect(row.City:find("^M.*n$") ~= nil):is_true()
    end
    local some = json.decode(filter("Credit_Limit_LCY gt 500.5 and Credit_Limit_LCY le 1000", "Credit_Limit_LCY").body)
    expect(#some.value > 0):is_true()
    for _, row in ipairs(some.value) do
      expect(decimal.new(row.Credit_Limit_LCY) > decimal.new("500.5")):is_true()
    end
    expect(#keys("Last_Date_Modified ge 2026-01-01") > 0):is_true()
    expect(#keys("Privacy_Blocked eq true") > 0):is_true()
    expect(#keys("Name eq 'It''s nobody'")):equals(0)
    expect(#keys("substringof(Name,'GmbH')")):equals(#keys("contains(Name,'GmbH')"))
    expect(#keys("Date_Filter eq '2026-01-01..2026-02-01' and No eq '10000'")):equals(1)
  end)

  it("compares codes without regard to case, texts with it", function()
    fresh(5)
    call("POST", "CustomerCard", '{"No":"ab-1","Name":"Ähre"}')
    expect(keys("No eq 'Ab-1'")):equals({ "AB-1" })
    expect(keys("Name eq 'Ähre'")):equals({ "AB-1" })
    expect(keys("Name eq 'ähre'")):equals({})
    expect(get("CustomerCard('aB-1')").No):equals("AB-1")
  end)

  it("refuses in NAV's words what a filter may not say", function()
    refused(filter("Name eq 'a' or City eq 'b'"), 400, "BadRequest",
      "The 'OR' operator is not supported on distinct fields on an OData filter.")
    refused(filter("(No eq 'a' and Name eq 'b') or No eq 'c'"), 400, "BadRequest",
      "The 'OR' operator is not supported on distinct fields on an OData filter.")
    refused(filter("No eq 'SELLACRE24_W/OORINGS_X'"), 400, "Application_FilterErrorException",
      "The filter \"='SELLACRE24_W/OORINGS_X'\" is not valid for the No. field on the Customer table. The length of"
      .. " the string is 22, but it must be less than or equal to 20 characters. Value: SELLACRE24_W/OORINGS_X")
    for _, text in ipairs { "not (No eq 'a')", "year(Last_Date_Modified) eq 2020", "Invoice_Copies add 1 eq 2",
                            "Name eq null", "tolower(Name) eq 'x'", "ShowMap eq ''", "ETag eq 'x'" } do
      refused(filter(text), 501, "BadRequest_MethodNotImplemented")
    end
    for _, text in ipairs { "No eq", "No 'a'", "eq 'a'", "(No eq 'a'", "No eq 'a' and", "No eq 'a",
                            "Last_Date_Modified eq 2020-13-01", "No eq 'a' No eq 'b'", "!" } do
      refused(filter(text), 400, "BadRequest", "Bad Request - Error in query syntax.")
    end
    refused(filter("Nmae eq 'a'"), 400, "BadRequest",
      "Could not find a property named 'Nmae' on type 'NAV.CustomerCard'.")
    refused(filter("Last_Date_Modified ge '2020-01-01'"), 400, "BadRequest")
    refused(call("GET", "CustomerCard?$select=No,Nmae"), 400, "BadRequest")
    refused(call("GET", "CustomerCard?$orderby=Nmae"), 400, "BadRequest")
    refused(call("GET", "CustomerCard?$top=x"), 400, "BadRequest")
    refused(call("GET", "CustomerCard?$search=x"), 400, "BadRequest")
  end)

  it("survives any filter text", function()
    local words = { "No", "eq", "'a'", "(", ")", "and", "or", "not", "5", "2020-01-01", "contains(", ",", "'", "Name",
                    "null", "true", "-", "%", "Blocked", "1.5.2", "\200" }
    local draw = people.random(7, 1)
    for _ = 1, 2000 do
      local parts = {}
      for n = 1, 1 + draw(9) do parts[n] = words[1 + draw(#words)] end
      local status = filter(table.concat(parts, " ")).status
      expect(status == 200 or status == 400 or status == 501):is_true()
    end
  end)
end)

describe("sandbox.nav insert", function()
  it("draws a number, fills defaults and stamps the day", function()
    fresh()
    local response = call("POST", "CustomerCard", '{"Name":"Ünter Öl GmbH","Gen_Bus_Posting_Group":"EU"}')
    expect(response.status):equals(201)
    local made = json.decode(response.body)
    expect(made.No):equals("C00010")
    expect(made.Search_Name):equals("ÜNTER ÖL GMBH")
    expect(made.VAT_Bus_Posting_Group):equals("EU")
    expect(made.Invoice_Disc_Code):equals("C00010")
    expect(made.Last_Date_Modified):equals("2026-01-20")
    expect(response.headers.ETag):equals(made["@odata.etag"])
    expect(response.headers.Location:match("/CustomerCard%('C00010'%)$") ~= nil):is_true()
    expect(json.decode(call("POST", "CustomerCard", "{}").body).No):equals("C00020")
  end)

  it("takes a typed number where the series allows it", function()
    fresh()
    expect(json.decode(call("POST", "CustomerCard", '{"No":" abc "}').body).No):equals("ABC")
    refused(call("POST", "CustomerCard", '{"No":"ABC"}'), 400, "Internal_EntityWithSameKeyExists",
      "The Customer already exists. Identification fields and values: No.='ABC'")
    state.setup.series.CUST.manual_nos = false
    refused(call("POST", "CustomerCard", '{"No":"DEF"}'), 400, "Application_DialogException", "You may not enter"
      .. " numbers manually. If you want to enter numbers manually, please activate Manual Nos. in No. Series CUST.")
    state.setup.series.CUST.default_nos = false
    refused(call("POST", "CustomerCard", "{}"), 400, "Application_DialogException", "It is not possible to"
      .. " assign numbers automatically. If you want the program to assign numbers automatically, please activate"
      .. " Default Nos. in No. Series CUST.")
  end)

  it("uses no number for a refused insert, and stops at the end of the series", function()
    fresh()
    call("POST", "CustomerCard", '{"Currency_Code":"XXX"}')
    expect(json.decode(call("POST", "CustomerCard", "{}").body).No):equals("C00010")
    state.setup.series.CUST.last = "C99990"
    refused(call("POST", "CustomerCard", "{}"), 400, "Application_DialogException",
      "You cannot assign numbers greater than C99990 from the number series CUST.")
    state.setup.customer_nos = ""
    refused(call("POST", "CustomerCard", "{}"), 400, "Application_FieldValidationException", "Customer Nos. must have a"
      .. " value in Sales & Receivables Setup: Primary Key=. It cannot be zero or empty.")
  end)
end)

describe("sandbox.nav update", function()
  it("needs a tag, takes a star, refuses a stale one", function()
    fresh()
    local tag = call("GET", "CustomerCard('10000')").headers.ETag
    refused(call("PATCH", "CustomerCard('10000')", "{}"), 400, "BadRequest_InvalidToken", "Could not validate the"
      .. " client concurrency token required by the service. Please provide a valid token in the client request.")
    expect(patch("10000", '{"Phone_No":"1"}', tag).status):equals(200)
    refused(patch("10000", '{"Phone_No":"2"}', tag), 409, "Request_EntityChanged",
      "Another user has already changed the record.")
    expect(patch("10000", '{"Phone_No":"2"}').status):equals(200)
    expect(get("CustomerCard('10000')").Phone_No):equals("2")
    refused(patch("77777", "{}"), 404, "BadRequest_ResourceNotFound")
  end)

  it("changes the version of that row only, and stamps the day", function()
    fresh()
    local before = call("GET", "CustomerCard('20000')").headers.ETag
    local changed = json.decode(patch("10000", '{"E_Mail":" a@b.example "}').body)
    expect(changed.Last_Date_Modified):equals("2026-01-20")
    expect(changed.E_Mail):equals("a@b.example")
    expect(call("GET", "CustomerCard('20000')").headers.ETag):equals(before)
  end)

  it("validates field by field in the order of the payload", function()
    fresh()
    call("POST", "CustomerCard", '{"No":"V1"}')
    refused(patch("V1", '{"VAT_Registration_No":"ATU12345678","Country_Region_Code":"AT"}'), 400,
      "Application_DialogException")
    expect(patch("V1", '{"Country_Region_Code":"AT","VAT_Registration_No":"atu12345678"}').status):equals(200)
    expect(get("CustomerCard('V1')").VAT_Registration_No):equals("ATU12345678")
    refused(patch("V1", '{"Country_Region_Code":"DE"}'), 400, "Application_DialogException", "The entered VAT"
      .. " Registration number is not in agreement with the format specified for Country/Region Code DE.\\The following"
      .. " formats are acceptable: DE#########, #########")
    local long = '"Name":"' .. ("x"):rep(51) .. '"'
    refused(patch("V1", "{" .. long .. ',"Currency_Code":"XXX"}'), 400, "Application_StringExceededLength")
    refused(patch("V1", '{"Currency_Code":"XXX",' .. long .. "}"), 400, "Internal_InvalidTableRelation")
  end)

  it("fills the town from the post code; the town alone finds no post code without a client", function()
    fresh()
    call("POST", "CustomerCard", '{"No":"P1","Post_Code":"50667"}')
    local made = get("CustomerCard('P1')")
    expect(made.City):equals("Köln")
    expect(made.Country_Region_Code):equals("DE")
    call("POST", "CustomerCard", '{"No":"P2","City":"Köln"}')
    expect(get("CustomerCard('P2')").Post_Code):equals("")
    call("POST", "CustomerCard", '{"No":"P3","Post_Code":"00000","City":"Nowhere"}')
    expect(get("CustomerCard('P3')").City):equals("Nowhere")
  end)

  it("lets the search name follow the name until it was changed", function()
    fresh()
    call("POST", "CustomerCard", '{"No":"S1","Name":"One"}')
    expect(json.decode(patch("S1", '{"Name":"Two"}').body).Search_Name):equals("TWO")
    patch("S1", '{"Search_Name":"mine"}')
    expect(json.decode(patch("S1", '{"Name":"Three"}').body).Search_Name):equals("MINE")
  end)

  it("counts characters as NAV does and keeps money exact", function()
    fresh()
    expect(patch("10000", '{"Name":"' .. ("ü"):rep(50) .. '"}').status):equals(200)
    refused(patch("10000", '{"Name":"' .. ("😀"):rep(26) .. '"}'), 400, "Application_StringExceededLength")
    refused(patch("10000", '{"Name":"' .. ("x"):rep(57) .. '"}'), 400, "Application_StringExceededLength",
      "The length of the string is 57, but it must be less than or equal to 50 characters. Value: " .. ("x"):rep(57))
    local body = patch("10000", '{"Credit_Limit_LCY":123456789012345.67}').body
    expect(body:find('"Credit_Limit_LCY":123456789012345.67,', 1, true) ~= nil):is_true()
    expect(patch("10000", '{"Credit_Limit_LCY":12.50}').body:find('"Credit_Limit_LCY":12.5,', 1, true) ~= nil):is_true()
  end)

  it("refuses a value in NAV's words, and then nothing is changed", function()
    fresh()
    local tag = call("GET", "CustomerCard('10000')").headers.ETag
    local cases = {
      { '{"Blocked":"Foo"}', "Unknown", "'Foo' is not an option. The existing options are:  ,Ship,Invoice,All" },
      { '{"Currency_Code":"GBP"}', "Internal_InvalidTableRelation", "The field Currency Code of table Customer contains"
        .. " a value (GBP) that cannot be found in the related table (Currency)." },
      { '{"Country_Region_Code":"zz"}', "Internal_InvalidTableRelation", "The field Country/Region Code of table"
        .. " Customer contains a value (ZZ) that cannot be found in the related table (Country/Region)." },
      { '{"Foo":1}', "BadRequest", "The property 'Foo' does not exist on type 'NAV.CustomerCard'. Make sure to only use"
        .. " property names that are defined by the type." },
      { '{"Last_Date_Modified":"2020-01-01"}', "BadRequest_InvalidOperation",
        "Control 'Last Date Modified' is read-only" },
      { '{"Balance_LCY":1}', "BadRequest_InvalidOperation", "Control 'Balance (LCY)' is read-only" },
      { '{"ShowMap":"x"}', "BadRequest_InvalidOperation" },
      { '{"CreditLimit":1}', "BadRequest_InvalidOperation" },
      { '{"Name":null}', "BadRequest_RequiredParamNotProvided", "Field 'Name' must not be blank or empty." },
      { '{"Name":5}', "BadRequest", "Invalid Request Body" },
      { '{"Credit_Limit_LCY":"5"}', "BadRequest", "Invalid Request Body" },
      { '{"Print_Statements":"true"}', "BadRequest", "Invalid Request Body" },
      { '{"Invoice_Copies":1.5}', "BadRequest", "Invalid Request Body" },
      { '{"Name"', "BadRequest", "Invalid Request Body" },
      { '[]', "BadRequest", "Invalid Request Body" },
      { '{"E_Mail":"a b@c"}', "Application_DialogException", "The email address \"a b@c\" is not valid." },
      { '{"GLN":"123"}', "Application_DialogException", "The GLN length should be 13 and not 3." },
      { '{"GLN":"8712345000005"}', "Application_DialogException", "The GLN 8712345000005 is not valid." },
      { '{"Prepayment_Percent":101}', "Unknown", "The value must be less than or equal to 100. Value: 101." },
      { '{"Shipping_Time":"tomorrow"}', "Application_EvaluateException",
        "The value \"tomorrow\" cannot be evaluated into type DateFormula." },
    }
    for _, case in ipairs(cases) do refused(patch("10000", case[1]), 400, case[2], case[3]) end
    expect(call("GET", "CustomerCard('10000')").headers.ETag):equals(tag)
    expect(patch("10000", '{"GLN":"8712345000004","Shipping_Time":"<1w>","Blocked":""}').status):equals(200)
    expect(get("CustomerCard('10000')").Shipping_Time):equals("1W")
  end)

  it("blocks for privacy reasons", function()
    fresh()
    expect(json.decode(patch("10000", '{"Privacy_Blocked":true}').body).Blocked):equals("All")
    refused(patch("10000", '{"Blocked":"Ship"}'), 400, "Application_DialogException",
      "The Blocked field cannot be changed because the user is blocked for privacy reasons.")
    expect(json.decode(patch("10000", '{"Privacy_Blocked":false}').body).Blocked):equals(" ")
  end)
end)

describe("sandbox.nav delete", function()
  it("goes with or without a tag, not with a stale one, not with entries", function()
    fresh()
    call("POST", "CustomerCard", '{"No":"D1"}')
    refused(call("DELETE", "CustomerCard('D1')", nil, { ["if-match"] = "W/\"'4;abcd1;10;'\"" }), 409,
      "Request_EntityChanged")
    expect(call("DELETE", "CustomerCard('D1')").status):equals(204)
    expect(call("GET", "CustomerCard('D1')").status):equals(404)
    local owing = keys("Balance_LCY gt 0")[1]
    refused(call("DELETE", ("CustomerCard('%s')"):format(owing)), 400, "Application_DialogException",
      ("You cannot delete Customer %s because it has ledger entries in a fiscal year that has not been closed yet.")
        :format(owing))
  end)
end)

describe("sandbox.nav state", function()
  it("comes back from a file as it was", function()
    fresh(30)
    call("POST", "CustomerCard", '{"Name":"Kept","Credit_Limit_LCY":1.25}')
    local copy = nav.restore(json.decode(json.encode(nav.save(state))))
    expect(json.encode(nav.dump(copy)) == json.encode(nav.dump(state))):is_true()
    local tag = call("GET", "CustomerCard('C00010')").headers.ETag
    state = copy
    expect(call("GET", "CustomerCard('C00010')").headers.ETag):equals(tag)
    expect(json.decode(call("POST", "CustomerCard", "{}").body).No):equals("C00020")
  end)

  it("counts calls, records and writes", function()
    fresh(10)
    call("GET", "CustomerCard?$top=4")
    call("POST", "CustomerCard", "{}")
    patch("10000", '{"Phone_No":"1"}')
    patch("10000", '{"Blocked":"x"}')
    local stats = nav.stats(state)
    expect(stats.calls):equals({ ["GET CustomerCard"] = 1, ["POST CustomerCard"] = 1, ["PATCH CustomerCard"] = 2 })
    expect(stats.reads):equals(4)
    expect(stats.creates):equals(1)
    expect(stats.updates):equals(1)
    expect(stats.refused):equals(1)
    expect(stats.records):equals(11)
  end)
end)
