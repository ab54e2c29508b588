--- navodoo hooks: the automation rules by which Odoo tells of changes.

local bench = require "cli.bench"
local connector = require "connector"
local listener = require "cli.listener"
local out = require "cli.out"
local problem = require "navodoo.problem"
local project = require "cli.project"
local rules = require "connector.odoo.rules"
local secret = require "navodoo.secret"

local hooks = {}

hooks.options = { flows = { value = true }, env = { value = true }, set = { value = true, list = true } }
hooks.places = 2

hooks.help = [[usage: navodoo hooks install|check|remove FLOW [--flows DIR] [--env NAME]

Makes Odoo (17 and later) tell of changes at once instead of at the next poll. FLOW says
which hook it listens to (odoo.watch = { hook = "partner" }), navodoo.lua where Odoo
reaches us and the secret of the address:
  odoo = { ..., hook_url = "https://navodoo.example.com", hook_secret = secret "HOOK_SECRET" }

  install   make the rules: one for new and changed records, with the fields of the
            flows as trigger, one for deletions; rules of ours that are there are replaced
  check     compare what is there with what should be: somebody edited a rule, switched
            it off, the address or the secret has changed
  remove    take our rules away, and no others

  --flows DIR    folder of the flows when FLOW is a name (default: flows)
  --env NAME     environment of navodoo.lua (default: the one it names)
  --set E.K=V    override a setting of an endpoint, as in --set odoo.hook_url=https://...

The engine takes the hooks with `navodoo run --listen`. Odoo posts once and forgets: what
it cannot deliver is found by the poll. Odoo's user needs the right to administer
automation rules (Settings), and module base_automation has to be installed.

exit codes: 0 done, all is as it should be; 1 it is not, or Odoo refused; 2 wrong use

examples:
  navodoo hooks install customer
  navodoo hooks check customer --env prod]]

local WORDS <const> = { "install", "check", "remove" }

--- What the hook of a flow needs: { list of wanted rules, one per model }, or nil and why.
local function wanted(p, flow)
  local watch = flow.compiled.odoo.watch
  local name = watch and watch.hook
  if not name then
    return nil, ('flow %s listens to no hook: give it odoo.watch = { hook = "NAME" }'):format(flow.name)
  end
  local endpoint = p.endpoints.odoo
  if not endpoint.hook_url then
    return nil, "endpoint odoo has no hook_url: the address by which Odoo reaches the listener"
  end
  local handle, complaint = listener.secret_of(endpoint, name)
  if not handle then return nil, complaint end
  local prefix = ("%s/hooks/%s/"):format(endpoint.hook_url, name)
  local list, by_model = {}, {}
  for _, f in ipairs(p.flows) do
    local c = f.compiled
    if c.odoo.watch and c.odoo.watch.hook == name then
      local want = by_model[c.odoo.model]
      if not want then
        want = { name = name, env = p.config.env, model = c.odoo.model, url = prefix .. tostring(handle),
                 fields = { "active" }, seen = { active = true },
                 matches = function(url)
                   return url:sub(1, #prefix) == prefix and secret.matches(handle, url:sub(#prefix + 1))
                 end }
        by_model[c.odoo.model], list[#list + 1] = want, want
      end
      for _, field in ipairs(c.odoo_read_fields) do
        if not want.seen[field] then
          want.seen[field], want.fields[#want.fields + 1] = true, field
        end
      end
    end
  end
  return list
end

local ACTIONS <const> = {}

function ACTIONS.install(odoo, want)
  local ok, err = rules.install(odoo, want)
  if not ok then return nil, err end
  out.line("hook %s: Odoo tells of %s, by %d fields and of deletions", want.name, want.model, #want.fields)
  return 0
end

function ACTIONS.check(odoo, want)
  local problems, err = rules.check(odoo, want)
  if not problems then return nil, err end
  for _, text in ipairs(problems) do out.line("%s", text) end
  if #problems == 0 then
    out.line("hook %s: the rules of %s are as they should be", want.name, want.model)
    return 0
  end
  out.line("navodoo hooks install makes them as they should be")
  return 1
end

function ACTIONS.remove(odoo, want)
  local n, err = rules.remove(odoo, want)
  if not n then return nil, err end
  out.line("hook %s: %d rules of %s removed", want.name, n, want.model)
  return 0
end

---@param a table
---@return integer
function hooks.run(a)
  local act = ACTIONS[a[1] or ""]
  if not act or not a[2] then
    local near = a[1] and not act and problem.near(a[1], WORDS)
    out.complain("hooks: %s", near and ("did you mean hooks %s?"):format(near)
      or "as in: navodoo hooks install customer")
    return 2
  end
  local flow, p = bench.open(a[2], a)
  if not flow then
    if p ~= "" then out.complain("hooks: %s", p) end
    return 2
  end
  local list, why = wanted(p, flow)
  local ok = list and true
  if ok then ok, why = project.open_endpoints(p.endpoints) end
  if not ok then
    out.complain("hooks: %s", why)
    return 2
  end
  local odoo, code = connector.open(p.endpoints.odoo), 0
  for _, want in ipairs(list) do
    local result, err = act(odoo, want)
    if not result then
      out.complain("hooks: %s", err.text)
      return 1
    end
    code = math.max(code, result)
  end
  return code
end

return hooks
