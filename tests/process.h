// Runs a program as a person would: arguments in, exit code and what it printed out. Standard input is empty. Waits for the
// end; ctest's time limit ends a test whose program hangs. Usable from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace infbench::tests {

struct Finished {
  int exit_code = -1;  // 128 + N when signal N ended it
  std::string out;
  std::string err;
};

// `argv[0]` is the program's path; `environment` are NAME=VALUE that are added to (or replace) this process's own.
Finished run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {});

// Runs `body`, whose result is the exit code, in a child of this process: what crashes or does not end there (a signal ends it
// after so many seconds) ends nothing here. For code that needs no program of its own: a hundred times as fast as starting one.
// This process has to have one thread.
Finished run_forked(const std::function<int()>& body, unsigned most_seconds);

enum class Group : std::uint8_t { ours, own };  // of processes, as signals go to them

// A program that runs beside the test: a server. One thread.
class Running {
 public:
  explicit Running(const std::vector<std::string>& argv, const std::vector<std::string>& environment = {},
                   Group group = Group::ours);
  ~Running();  // kills it if it still runs
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  int id() const { return child_; }  // of the process
  std::string line();                // the next line that it prints, without its end; empty when it has closed its output
  std::string line_with(const std::string& text);  // the next that has this text; empty when none does
  Finished stop_group(int signal);                 // as stop(), to all of its group, which is its own
  Finished stop(int signal);  // sends the signal (0: none) and waits for the end; `out` is what line() had not taken

 private:
  std::optional<std::string> next_line();  // none: it has closed its output
  bool read_more();                        // into rest_; false: there is no more

  int child_ = -1;
  int out_ = -1;
  int err_ = -1;  // a file in memory
  std::string rest_;
};

// Processes other than this one whose environment or command line has this text. They come and go meanwhile.
std::vector<int> processes_with(const std::string& text);
std::string command_line_of(int process);  // its words, each ended by a NUL; empty: it has ended

// In the line that a server prints when it is ready: the first URL, and the port of the first on 127.0.0.1. Empty, 0: none.
std::string url_in(const std::string& line);
int port_in(const std::string& line);

}  // namespace infbench::tests
