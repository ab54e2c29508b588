--- Automation rules and the server actions that they run, since 17: as much of module
--- base_automation as webhooks need. One row per field, as in model_partner.lua.

local TRIGGER <const> = {
  { "on_stage_set", "Stage is set to" }, { "on_user_set", "User is set" },
  { "on_tag_set", "Tag is added" }, { "on_state_set", "State is set to" },
  { "on_priority_set", "Priority is set to" }, { "on_archive", "On archived" },
  { "on_unarchive", "On unarchived" }, { "on_create_or_write", "On save" },
  { "on_create", "On creation" }, { "on_write", "On update" }, { "on_unlink", "On deletion" },
  { "on_change", "On UI change" }, { "on_time", "Based on date field" },
  { "on_time_created", "After creation" }, { "on_time_updated", "After last update" },
  { "on_message_received", "On incoming message" }, { "on_message_sent", "On outgoing message" },
  { "on_webhook", "On webhook" },
}
local STATE <const> = {
  { "object_write", "Update Record" }, { "object_create", "Create Record" },
  { "next_activity", "Create Activity" }, { "mail_post", "Send Email" }, { "sms", "Send SMS" },
  { "followers", "Add Followers" }, { "remove_followers", "Remove Followers" },
  { "code", "Execute Code" }, { "webhook", "Send Webhook Notification" },
  { "multi", "Execute Existing Actions" },
}
local USAGE <const> = {
  { "ir_actions_server", "Server Action" }, { "ir_cron", "Scheduled Action" },
  { "base_automation", "Automation Rule" },
}

local function model_name(env, rec)
  local model = env:row("ir.model", rec.model_id)
  return model and model.model
end

-- The actions of a rule go with it.
local function drop_actions(env, ids)
  for _, id in ipairs(ids) do
    local actions = env:ids_where("ir.actions.server", "base_automation_id", id)
    require("sandbox.odoo.orm").unlink(env, env:model("ir.actions.server"), { table.unpack(actions) })
  end
end

return {
  {
    model = "base.automation", description = "Automation Rule", order = "id", from = 17,
    index = { "name" }, behaviour = { before_unlink = drop_actions },
    fields = {
      { "name", "char", "Automation Rule Name", required = true, translate = true },
      { "active", "boolean", "Active", default = true },
      { "model_id", "many2one", "Model", required = true, relation = "ir.model" },
      { "model_name", "char", "Model Name", readonly = true, get = model_name },
      { "trigger", "selection", "Trigger", required = true, selection = TRIGGER },
      { "trigger_field_ids", "many2many", "Trigger Fields", relation = "ir.model.fields" },
      { "filter_domain", "char", "Apply on" },
      { "action_server_ids", "one2many", "Actions", relation = "ir.actions.server",
        inverse = "base_automation_id" },
    },
  },
  {
    model = "ir.actions.server", description = "Server Action", order = "id", from = 17,
    index = { "base_automation_id" },
    fields = {
      { "name", "char", "Action Name", required = true, translate = true },
      { "type", "char", "Action Type", required = true, default = "ir.actions.server" },
      { "usage", "selection", "Usage", required = true, selection = USAGE,
        default = "ir_actions_server" },
      { "state", "selection", "Type", required = true, selection = STATE, default = "object_write" },
      { "model_id", "many2one", "Model", required = true, relation = "ir.model" },
      { "model_name", "char", "Model Name", readonly = true, get = model_name },
      { "base_automation_id", "many2one", "Automation Rule", relation = "base.automation" },
      { "webhook_url", "char", "Webhook URL" },
      { "webhook_field_ids", "many2many", "Webhook Fields", relation = "ir.model.fields" },
    },
  },
}
