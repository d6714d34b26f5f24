#include "measure/record.h"

namespace infbench::measure {

std::string_view error_message(const RequestRecord& record) {
  return record.error.empty() ? std::string_view("the request did not finish") : std::string_view(record.error);
}

std::string_view error_type(int error_code) {
  switch (error_code) {
    case 400: return "RequestRefusedError";
    case 499: return "RequestCancellationError";
    case 503: return "NoWorkerError";
    case 504: return "RequestTimeoutError";
    default: return "RequestFailedError";
  }
}

}  // namespace infbench::measure
