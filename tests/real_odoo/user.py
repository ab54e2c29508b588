# Runs inside `odoo shell`: makes the integration user as an operator would, and its API key.
#
# The user has an e-mail address: without one, actions that write to the chatter fail. Two of
# them exist: "full" may read and write external ids (Access Rights), "plain" may not.
# Prints one line "navodoo-user: {...}" and commits.
import json
import secrets

GROUPS = ["base.group_user", "base.group_partner_manager", "account.group_account_manager"]


def make(login, groups):
    password = secrets.token_hex(16)
    user = env["res.users"].with_context(no_reset_password=True).create({
        "name": login.split("@")[0], "login": login, "email": login, "password": password,
        "group_ids": [(6, 0, [env.ref(g).id for g in groups])]})
    key = env(user=user.id)["res.users.apikeys"].sudo()._generate("rpc", "navodoo", None)
    return {"login": login, "password": password, "key": key}


made = {
    "full": make("navodoo@example.com", GROUPS + ["base.group_erp_manager"]),
    "plain": make("navodoo-plain@example.com", GROUPS),
}
env.cr.commit()
print("navodoo-user: " + json.dumps(made), flush=True)
