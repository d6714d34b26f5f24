// Rules for texts of a recipe that end up in a batch script or a path. Each returns what was expected, or empty when the text
// may stand. Pure but for expand_variables(), which reads the environment; usable from any thread as long as none changes that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace infbench::recipe {

std::string_view check_name(std::string_view text);           // of a job
std::string_view check_word(std::string_view text);           // one word: no blanks, no control characters
std::string_view check_line(std::string_view text);           // anything on one line
std::string_view check_not_empty(std::string_view text);      // anything but blanks
std::string_view check_absolute_path(std::string_view text);  // of a folder or file; can stand in a mount
std::string_view check_mount_target(std::string_view text);   // the same, in a container, but where srtctl mounts something
std::string_view check_model_path(std::string_view text);     // an absolute path or hf:org/name
std::string_view check_image(std::string_view text);          // a container image, or empty
std::string_view check_mount(std::string_view text);          // node-folder:container-folder[:ro]
std::string_view check_file_name(std::string_view text);      // a file of a folder, or empty; cannot leave that folder
std::string_view check_log_dir(std::string_view text);        // absolute, or below some folder; may have {job_id}
std::string_view check_option(std::string_view text);         // name of a long option, without the --
std::string_view check_interface(std::string_view text);      // of a network interface, or empty
std::string_view check_address(std::string_view text);        // an IP address or host name
std::string_view check_time_limit(std::string_view text);     // of Slurm: [days-]hours:minutes:seconds and its short forms
std::string_view check_key(std::string_view text);            // a bearer token; what is expected does not repeat it
std::string_view check_requirement(std::string_view text);    // figure>=number or figure<=number

// A path in a container that srtctl itself mounts: /model, /logs, /configs; with or without slashes at its end.
bool is_own_mount(std::string_view path);

// The name of an environment variable.
std::string_view check_variable(std::string_view text);

// `text` with $NAME and ${NAME} replaced by the environment's values; a '$' before anything else stands for itself. The names
// of those that are not set go to `unset` and stay as they are.
std::string expand_variables(std::string_view text, std::vector<std::string>& unset);

}  // namespace infbench::recipe
