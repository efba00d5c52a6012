// All that can be set about failed attempts.
#pragma once

#include "routing/budget.h"
#include "routing/health.h"
#include "routing/retry.h"

namespace ai_proxy::routing {

struct Policies {
  RetryPolicy retry;
  BudgetPolicy budget;
  HealthPolicy health;
};

}  // namespace ai_proxy::routing
