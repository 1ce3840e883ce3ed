#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <cstring>

namespace dure::net {

namespace ssl = boost::asio::ssl;

namespace {

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// An encrypted key must not make the server ask on its terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

tl::unexpected<Error> Wrong(const std::string& what) {
  ERR_clear_error();
  return Fail(ErrorCode::kInvalidArgument, what);
}

}  // namespace

Result<std::shared_ptr<ssl::context>> MakeTlsContext(const TlsFiles& files) {
  if (files.certificate.empty() || files.key.empty()) {
    return Wrong("TLS needs both a certificate and a key (--tls-cert and --tls-key)");
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(native, NoPassphrase);
  SSL_CTX_set_alpn_select_cb(native, ChooseProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(native, files.certificate.c_str()) != 1) {
    return Wrong("--tls-cert: " + files.certificate + " holds no certificate in PEM form");
  }
  if (SSL_CTX_use_PrivateKey_file(native, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong("--tls-key: " + files.key +
                 " holds no key in PEM form without a passphrase, or not that of " +
                 files.certificate);
  }
  if (SSL_CTX_check_private_key(native) != 1) {
    return Wrong("--tls-key: " + files.key + " is not the key of " + files.certificate);
  }
  return context;
}

}  // namespace dure::net
