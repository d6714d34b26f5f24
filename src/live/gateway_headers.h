// Which headers the gateway passes on, and how it finds a request's id. Pure, usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/http_reader.h"

namespace infbench::live {

// Appends "name: value\r\n" for each header that goes on to the next program: all but those of one connection (RFC 9110, 7.6.1:
// connection, keep-alive, te, trailer, transfer-encoding, upgrade, proxy-*, and those that `connection` names), content-length
// and host, and `but` (in lower case).
void append_end_to_end(const net::HttpHead& head, std::string_view but, std::string& out);

// The first of the named headers that is there and may be passed on, else "req-" and 24 letters and digits.
std::string request_id(const net::HttpHead& head, const std::vector<std::string>& names, Random& random);

// Whether the head has the key as a bearer token. Takes as long whatever is wrong with it.
bool has_key(const net::HttpHead& head, std::string_view key);

// What a client is told about an error of the gateway, by its code; no word of the addresses behind it.
std::string message_of(std::string_view code);

}  // namespace infbench::live
