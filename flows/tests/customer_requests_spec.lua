--- The customer flow between a NAV and an Odoo: given these records and answers, exactly these
--- requests.

local testing = require "testing"

local ANNA <const> = { Name = "Anna", E_Mail = "Anna@Example.com", Country_Region_Code = "AT",
                       Customer_Posting_Group = "EU", Credit_Limit_LCY = 1000 }

describe("a customer", function()
  it("is created by one load, and never written again while nothing changes", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:run "customer"
    expect(#world:sent()):equals(1)
    local row = world:loaded("res.partner")[1]
    expect({ row.id, row.ref, row.name, row.email, row.credit_limit, row.active }):equals {
      "navodoo.CRONUS-20International-20Ltd-2e_customer_C1", "C1", "Anna", "anna@example.com", "1000", "True" }
    world:run "customer"
    expect(#world:sent()):equals(1)
  end)
  it("that changes in one field is written in that field only", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:run "customer"
    world:nav("Customer", "C1", { Phone_No = "+43 1 23456" })
    world:run "customer"
    local rows = world:loaded "res.partner"
    expect(#rows):equals(2)
    expect(rows[2]):equals { id = "navodoo.CRONUS-20International-20Ltd-2e_customer_C1", phone = "+43 1 23456" }
  end)
  it("whose load got no answer is asked for before it is sent again", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:answer { to = "odoo", what = "res%.partner load", code = "timeout" }
    world:run "customer"
    local calls = {}
    for _, r in ipairs(world.requests) do
      -- (whose names are like hers is asked there, too: by ids, as often as the engine sees fit)
      local asked = r.what == "ir.model.data search_read" and r.body:find('customer_C1"', 1, true)
      if r.what == "res.partner load" then calls[#calls + 1] = "load" end
      if asked then calls[#calls + 1] = "is it there?" end
    end
    expect(calls):equals { "load", "is it there?", "load" }
    expect(#world:records("odoo", "res.partner") > 0):is_true()
  end)
  it("that breaks a rule reaches nobody, and says which rule", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "" })
    world:run "customer"
    expect(#world:sent()):equals(0)
    expect(world:jobs()[1].state):equals "dead"
    expect(world:jobs()[1].error):matches "a customer posts to a group"
  end)
end)
