// BodyReader: the fields of a trace's row that say what the body of its request is: a literal prompt (text_input, messages or
// payload), tools, extra. Nothing is copied: a literal prompt is the pieces of the line where it stands, cut behind each
// message (and, of a payload, behind each member), since whole messages are what the rows of a conversation have in common. One
// owner, one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trace/json_cursor.h"
#include "trace/trace.h"

namespace infbench::trace {

class BodyReader {
 public:
  enum class Field : std::uint8_t { text_input, messages, tools, payload, extra };

  // That are kept of one line: a long one can have millions.
  static constexpr std::size_t kMostFaults = 1000;

  // A new line, to be valid as long as what is taken from here. What is wrong with it goes to `faults`.
  void start(std::string_view line, std::vector<Fault>& faults);

  // Reads the value of a field; false if it is null, which is the same as not there, or if it breaks off (cursor.fault()).
  bool read(Field field, JsonCursor& cursor);

  const Body& body() const { return body_; }                            // of the fields read
  std::span<const std::string_view> pieces() const { return pieces_; }  // of the literal prompt
  std::string_view literal() const { return literal_; }                 // the same in one
  Tokens output_asked() const { return output_asked_; }                 // by the payload; 0: it does not say

 private:
  void read_text(JsonCursor& cursor);
  void read_messages(JsonCursor& cursor);
  void read_message(JsonCursor& cursor);
  void read_tools(JsonCursor& cursor);
  void read_payload(JsonCursor& cursor);
  void read_payload_member(std::string_view quoted_name, JsonCursor& cursor);
  void read_extra(JsonCursor& cursor);
  bool enter(JsonCursor& cursor, char open, std::string_view kind, std::string_view name);
  void cut(const JsonCursor& cursor);
  void wrong(std::size_t at, std::string what);

  std::string_view line_;
  std::vector<Fault>* faults_ = nullptr;
  Body body_;
  std::vector<std::string_view> pieces_;
  std::string_view literal_;
  std::size_t cut_at_ = 0;
  Tokens output_asked_ = 0;
  bool payload_has_prompt_ = false;
};

}  // namespace infbench::trace
