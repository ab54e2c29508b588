/* navodoo-spec FILE...: runs spec files in the engine's own runtime. */
#include <signal.h>
#include <stdio.h>

#include "../../lua/host.h"

int main(int argc, char **argv) {
  nv_env env;
  nvl_host host;
  nv_error err;
  signal(SIGPIPE, SIG_IGN); /* as navodoo does */
  nv_env_init(&env);
  if (nvl_host_open(&host, &env, &err) != NV_OK) {
    fprintf(stderr, "navodoo-spec: %s\n", err.text);
    return 70;
  }
  int rc = nvl_host_run(&host, NAVODOO_SPEC_LUA, argc - 1, argv + 1);
  nvl_host_close(&host);
  return rc;
}
