// scaled(): what one deployment's step times and KV capacity would be for another dense model or another number of GPUs, by the
// work that each GPU has to do. An estimate, and Model::scaled_from says that it is one. Pure.
#pragma once

#include "cost/architecture.h"
#include "cost/model.h"

namespace infbench::cost {

// `nearest` holds for the architecture `from`, on the same GPU and engine as `key`.
Model scaled(const Model& nearest, const Architecture& from, const Architecture& to, const Key& key);

}  // namespace infbench::cost
