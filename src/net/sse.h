// SseSplitter: pieces of a text/event-stream body to the data of its events. No I/O.
//
// Follows the WHATWG rules that a language-model stream can meet: lines end with LF, CR or CRLF, an empty line ends an event,
// several data lines join with LF, comments and other fields are passed over. The data of an event that lies whole in one piece
// is a view into that piece: nothing is copied or allocated for it. One owner, one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace infbench::net {

class SseSplitter {
 public:
  static constexpr std::size_t kLongestEvent = std::size_t{16} << 20U;  // bytes

  // Appends the data of each event that ends in `piece`, in order; the views hold until the next call and while `piece` does.
  // False when an event is longer than kLongestEvent: the stream cannot be read on.
  bool feed(std::string_view piece, std::vector<std::string_view>& events);

  // Bytes of an event that has begun but not ended: above 0 at the end of a stream, it was cut.
  std::size_t unfinished() const { return rest_.size(); }

 private:
  bool take_event(std::string_view block, std::vector<std::string_view>& events);

  std::string rest_;                   // of earlier pieces: an event not ended yet
  std::string joined_;                 // the event that rest_ and the piece make together
  std::size_t line_ = 0;               // where the last line of rest_ begins: the lines before it need not be looked at again
  std::deque<std::string> multiline_;  // data of events with several data lines, in this call
};

}  // namespace infbench::net
