--- What products, their templates, categories and units do besides keeping values.
--
-- A product is a variant of a template; what all variants share lives there. Attributes are not
-- played: a further variant is a product that names the template of another.

local faults = require "sandbox.odoo.faults"

local product = {}

local function orm() return require "sandbox.odoo.orm" end

local function variants(env, id, active_only)
  local ids = {}
  for _, at in ipairs(env:ids_where("product.product", "product_tmpl_id", id)) do
    if not active_only or env:row("product.product", at).active then ids[#ids + 1] = at end
  end
  return ids
end

-- Templates --------------------------------------------------------------------------------------

product.template = {}

--- How many variants are in use.
function product.count(env, rec)
  return #variants(env, rec.product_tmpl_id or rec.id, true)
end

function product.no_stock() return 0.0 end

-- The kind follows `detailed_type` where there is one (15 to 17); only goods are kept in stock.
function product.template.derive(env, rec)
  if env:model("product.template").fields.detailed_type then rec.type = rec.detailed_type end
  if rec.type ~= "consu" then rec.is_storable = nil end
end

function product.template.after(env, id, given, creating)
  if creating then
    if not env.of_variant then
      env:create("product.product", { product_tmpl_id = id })
    end
    return
  end
  local all, row = variants(env, id), env:row("product.template", id)
  if given.active and (not row.active or #variants(env, id, true) == 0) then
    orm().write(env, env:model "product.product", all, { active = row.active or false })
  end
  -- the stamp of a variant is not older than its template's
  for _, at in ipairs(all) do env:store_values("product.product", at, {}) end
end

-- Variants ---------------------------------------------------------------------------------------

product.variant = { behind = "product_tmpl_id" }

--- A product makes itself a template of what belongs there, or changes the one that it names.
function product.variant.before_create(env, vals, through)
  local template = env:model "product.template"
  if vals.product_tmpl_id then
    if next(through) then orm().write(env, template, { vals.product_tmpl_id }, through) end
    return
  end
  local outer = env.of_variant
  env.of_variant = true
  vals.product_tmpl_id = orm().create(env, template, through)
  env.of_variant = outer
end

function product.variant.show(env, rec)
  local name = env:value(env:model "product.product", rec, "name") or ""
  return rec.default_code and ("[%s] %s"):format(rec.default_code, name) or name
end

local function taken(env, rec)
  local names = {}
  for _, id in ipairs(env:ids_where("product.product", "barcode", rec.barcode)) do
    local other = env:row("product.product", id)
    if other.active or id == rec.id then names[#names + 1] = env:show("product.product", other) end
  end
  return names
end

function product.variant.validate(env, rec, given)
  if not given.barcode or not rec.barcode then return end
  local names = taken(env, rec)
  if #names < 2 then return end
  if env.version < 17 then faults.validation_error "product_product_barcode_uniq" end
  faults.validation_error(("Barcode(s) already assigned:\n\n- Barcode \"%s\" already assigned to product(s): %s"
    .. "\n\nNote: products that you don't have access to will not be shown above."):format(rec.barcode,
    table.concat(names, env.version >= 19 and " and " or ", ")))
end

function product.list_price(env, rec)
  return env:value(env:model "product.product", rec, "list_price")
end

-- Categories and units ---------------------------------------------------------------------------

product.category = {}

function product.category.derive(env, rec)
  local parent = env:row("product.category", rec.parent_id)
  rec.complete_name = parent and ("%s / %s"):format(parent.complete_name, rec.name or "") or rec.name
end

function product.category.after(env, id, given, creating)
  if creating or not (given.name or given.parent_id) then return end
  for _, child in ipairs(env:ids_where("product.category", "parent_id", id)) do
    env:rederive("product.category", child, { parent_id = true })
    product.category.after(env, child, { parent_id = true }, false)
  end
end

--- The products of a category, of those below it too.
function product.in_category(env, rec)
  local count = 0
  for _, row in env:table("product.template"):each() do
    local at = row.categ_id
    while at and at ~= rec.id do at = env:row("product.category", at).parent_id end
    if at and row.active then count = count + 1 end
  end
  return count
end

function product.first_category(env) return env.version < 19 and 1 or nil end

--- How many of the reference unit one is, and the other way round.
function product.factor_inv(_, rec) return rec.factor and rec.factor ~= 0 and 1 / rec.factor or 0.0 end

function product.unit_rounding() return 0.01 end

return product
