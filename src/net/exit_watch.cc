#include "net/exit_watch.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "net/event_loop_impl.h"

namespace infbench::net {

struct ExitWatch::Impl : std::enable_shared_from_this<ExitWatch::Impl> {
  Impl(EventLoop& loop, std::function<void()> given) : descriptor(loop.impl().io), on_exit(std::move(given)) {}

  void watch(int pid) {
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return;
    descriptor.assign(pidfd);
    descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error) return;
                            if (const auto callback = std::exchange(self->on_exit, {})) callback();
                          });
  }

  boost::asio::posix::stream_descriptor descriptor;
  std::function<void()> on_exit;
};

ExitWatch::ExitWatch(EventLoop& loop, int pid, std::function<void()> on_exit)
    : impl_(std::make_shared<Impl>(loop, std::move(on_exit))) {
  impl_->watch(pid);
}
ExitWatch::~ExitWatch() {
  impl_->on_exit = {};
  impl_->descriptor.close();
}
bool ExitWatch::watching() const { return impl_->descriptor.is_open(); }

}  // namespace infbench::net
