#include "net/http_reader.h"

#include <algorithm>
#include <charconv>

extern "C" {
#include <llhttp/llhttp.h>
}

namespace infbench::net {
namespace {

constexpr std::size_t kUsualHeaders = 16;

}  // namespace

const std::string* HttpHead::find(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto& header) { return header.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

std::string_view HttpHead::path() const { return std::string_view(target).substr(0, target.find('?')); }

// llhttp's parser with what its callbacks fill in. The parser points at this, so it never moves.
struct HttpReader::State {
  State(Kind kind, const HttpLimits& given) : limits(given) {
    settings = settings_for();
    llhttp_init(&parser, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    parser.data = this;
  }

  static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

  static llhttp_settings_t settings_for() {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) { return of(p).begin(); };
    s.on_method = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).add(of(p).head.method, at, n); };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).add(of(p).head.target, at, n); };
    s.on_status = [](llhttp_t* p, const char*, std::size_t n) { return of(p).count(n); };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).add_name(at, n); };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).add_value(at, n); };
    s.on_headers_complete = [](llhttp_t* p) { return of(p).end_head(); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) { return of(p).add_body(at, n); };
    s.on_message_complete = [](llhttp_t* p) { return of(p).end(); };
    return s;
  }

  int begin() {
    head = HttpHead{};
    head_bytes = 0;
    body_bytes = 0;
    in_value = false;
    in_message = true;
    head_done = false;
    return HPE_OK;
  }

  int refuse(int status, std::string what) {
    error = HttpError{.status = status, .what = std::move(what)};
    return HPE_USER;
  }

  int count(std::size_t bytes) {
    head_bytes += bytes;
    return head_bytes > limits.head_bytes ? refuse(431, "the head of the message is too large") : HPE_OK;
  }

  int add(std::string& to, const char* at, std::size_t n) {
    to.append(at, n);
    return count(n);
  }

  // Fields behind the last chunk are counted and passed over: as headers they would come after what was decided by these.
  int add_name(const char* at, std::size_t n) {
    if (head_done) return count(n);
    if (head.headers.empty()) head.headers.reserve(kUsualHeaders);
    if (in_value || head.headers.empty()) {
      if (head.headers.size() == limits.headers) return refuse(431, "too many headers");
      head.headers.emplace_back();
    }
    in_value = false;
    std::string& name = head.headers.back().first;
    // llhttp lets a space stand before the colon, which another program may read as part of the name.
    if (std::string_view(at, n).find_first_of(" \t") != std::string_view::npos)
      return refuse(400, "a space in a header's name");
    const std::size_t begin = name.size();
    name.append(at, n);
    for (char& c : std::span(name).subspan(begin)) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return count(n);
  }

  int add_value(const char* at, std::size_t n) {
    if (head_done) return count(n);
    in_value = true;
    return add(head.headers.back().second, at, n);
  }

  int end_head() {
    head_done = true;
    head.status = parser.status_code;
    head.minor_version = parser.http_minor;
    head.keep_alive = llhttp_should_keep_alive(&parser) == 1;
    if ((parser.flags & F_CONTENT_LENGTH) != 0) head.content_length = parser.content_length;
    if (head.content_length.value_or(0) > limits.body_bytes) return refuse(413, "the body is too large");
    // Of two hosts one program may take the first and the next one the last.
    if (parser.type == HTTP_REQUEST && parser.http_major != 1) return refuse(400, "expected HTTP/1.0 or HTTP/1.1");
    const auto nameless = std::ranges::count(head.headers, "", &std::pair<std::string, std::string>::first);
    if (nameless > 0) return refuse(400, "a header without a name");
    const auto hosts = std::ranges::count(head.headers, "host", &std::pair<std::string, std::string>::first);
    if (hosts > 1) return refuse(400, "more than one host header");
    // llhttp takes an empty one for none; another program may not, and then the two do not agree where the body ends.
    const bool coded = head.find("transfer-encoding") != nullptr;
    if (parser.type == HTTP_REQUEST && coded && (parser.flags & F_CHUNKED) == 0) {
      return refuse(400, "a transfer-encoding other than chunked");
    }
    now.head_complete = true;
    return no_body ? 1 : 0;  // 1: llhttp skips the body
  }

  int add_body(const char* at, std::size_t n) {
    body_bytes += n;
    if (body_bytes > limits.body_bytes) return refuse(413, "the body is too large");
    pieces.emplace_back(at, n);
    return HPE_OK;
  }

  // What llhttp lets pass in the lines of a request's head, and other programs read in other ways: how many bytes come before
  // it, and what is wrong with the next one; empty: nothing.
  std::pair<std::size_t, std::string_view> check_lines(std::string_view bytes) {
    if (parser.type != HTTP_REQUEST) return {bytes.size(), {}};
    for (std::size_t i = 0; i < bytes.size() && !lines_end; ++i) {
      const char c = bytes[i];
      const bool line_begins = last == '\n';
      if (c == '\n' && last != '\r') return {i, "a line feed without a carriage return"};
      if (line_begins && first_line && (c == ' ' || c == '\t')) return {i, "a header that goes on in the next line"};
      lines_end = line_begins && first_line && c == '\r';
      first_line = first_line || (c != '\r' && c != '\n');
      last = c;
    }
    return {bytes.size(), {}};
  }

  int end() {
    last = '\0';
    first_line = lines_end = false;
    now.complete = true;
    in_message = false;
    no_body = false;
    return HPE_PAUSED;  // what follows belongs to the next message
  }

  HttpLimits limits;
  llhttp_settings_t settings{};
  llhttp_t parser{};
  HttpHead head;
  std::size_t head_bytes = 0;
  std::uint64_t body_bytes = 0;
  bool in_value = false;
  bool in_message = false;
  bool head_done = false;
  bool no_body = false;
  // Of check_lines(): the byte before, the first line has begun, the empty line has come.
  char last = '\0';
  bool first_line = false;
  bool lines_end = false;
  std::vector<std::string_view> pieces;
  Progress now;
  std::optional<HttpError> error;
};

HttpReader::HttpReader(Kind kind, const HttpLimits& limits) : state_(std::make_unique<State>(kind, limits)) {}
HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;

HttpReader::Progress HttpReader::feed(std::string_view bytes) {
  State& s = *state_;
  s.now = Progress{};
  s.pieces.clear();
  if (s.error) return s.now;
  const auto [good, wrong] = s.check_lines(bytes);
  bytes = bytes.substr(0, good);  // a mistake before it comes first, however the bytes are cut
  llhttp_errno_t result = llhttp_execute(&s.parser, bytes.data(), bytes.size());
  if (result == HPE_PAUSED_UPGRADE) {
    // The message before offered another protocol, which nobody here takes up: HTTP goes on. Nothing was read by this call,
    // since the end of that message paused the parser first.
    llhttp_resume_after_upgrade(&s.parser);
    result = llhttp_execute(&s.parser, bytes.data(), bytes.size());
  }
  s.now.consumed = bytes.size();
  if (result == HPE_PAUSED) {
    s.now.consumed = static_cast<std::size_t>(llhttp_get_error_pos(&s.parser) - bytes.data());
    llhttp_resume(&s.parser);
  } else if (result != HPE_OK) {
    if (!s.error) s.error = HttpError{.status = 400, .what = llhttp_get_error_reason(&s.parser)};
    s.now.consumed = 0;
  } else if (!wrong.empty()) {
    s.refuse(400, std::string(wrong));
    s.now.consumed = 0;
  }
  s.now.body = s.pieces;
  return s.now;
}

bool HttpReader::finish() {
  State& s = *state_;
  s.now = Progress{};
  if (s.error) return false;
  const llhttp_errno_t result = llhttp_finish(&s.parser);
  if (result == HPE_PAUSED) llhttp_resume(&s.parser);
  if (result != HPE_OK && result != HPE_PAUSED) {
    s.error = HttpError{.status = 400, .what = "the peer closed the connection in the middle of a message"};
  }
  return s.now.complete;
}

const HttpHead& HttpReader::head() const { return state_->head; }
const std::optional<HttpError>& HttpReader::error() const { return state_->error; }
bool HttpReader::between_messages() const { return !state_->in_message; }
void HttpReader::expect_no_body() { state_->no_body = true; }

}  // namespace infbench::net
