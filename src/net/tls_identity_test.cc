// IdentityForTest, and that it is usable.
#include <unistd.h>
#include <cstdio>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "net/tls_identity_for_test.h"

namespace infbench::net {
namespace {

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

void add_host(X509* x509, const std::string& host) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, host.c_str()),
                                        X509_EXTENSION_free);
  EXPECT_EQ(X509_add_ext(x509, extension.get(), -1), 1);
}

// Of this process alone: the same test may run in several builds at a time.
std::string file_of(const std::string& name, const char* ending) {
  return ::testing::TempDir() + name + "_" + std::to_string(::getpid()) + ending;
}

}  // namespace

IdentityForTest::IdentityForTest(const std::string& name, const std::string& host)
    : certificate(file_of(name, ".crt")), key(file_of(name, ".key")) {
  const Owned<EVP_PKEY> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Owned<X509> x509(X509_new(), X509_free);
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), pair.get());
  X509_NAME* subject = X509_get_subject_name(x509.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes, -1, -1, 0);
  X509_set_issuer_name(x509.get(), subject);
  if (!host.empty()) add_host(x509.get(), host);
  X509_sign(x509.get(), pair.get(), EVP_sha256());
  const Owned<std::FILE> out(std::fopen(certificate.c_str(), "w"), [](std::FILE* file) { std::fclose(file); });
  PEM_write_X509(out.get(), x509.get());
  const Owned<std::FILE> secret(std::fopen(key.c_str(), "w"), [](std::FILE* file) { std::fclose(file); });
  PEM_write_PrivateKey(secret.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

std::shared_ptr<const TlsContext> IdentityForTest::context() const {
  auto made = TlsContext::server(certificate, key);
  EXPECT_TRUE(made) << (made ? "" : format_errors(made.error()));
  return made.value_or(nullptr);
}

TEST(TlsIdentity, MakesAServersContext) { EXPECT_NE(IdentityForTest("identity", "IP:127.0.0.1").context(), nullptr); }

}  // namespace infbench::net
