// IdentityForTest: a certificate that vouches for itself, and its key, as files. Made anew each time; for tests only.
#pragma once

#include <memory>
#include <string>

#include "net/tls.h"

namespace infbench::net {

struct IdentityForTest {
  // `host`: whom it is for, as "IP:127.0.0.1" or "DNS:localhost"; empty: it does not say.
  explicit IdentityForTest(const std::string& name, const std::string& host = {});
  std::shared_ptr<const TlsContext> context() const;
  std::string certificate;
  std::string key;
};

}  // namespace infbench::net
