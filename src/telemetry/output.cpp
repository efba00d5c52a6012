// Pipes and terminals are opened once more through /proc, so that O_NONBLOCK is ours alone: set on the
// inherited descriptor it would hit every process that shares it. Regular files keep the shared offset and
// are duplicated.
#include "telemetry/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace ai_proxy::telemetry {

std::shared_ptr<Output> Output::file(const std::string& path) {
  // Not blocking, lest a named pipe without a reader holds up the start.
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (descriptor < 0) return nullptr;
  return std::shared_ptr<Output>(new Output(descriptor, Kind::plain, ::isatty(descriptor) == 1));
}

std::shared_ptr<Output> Output::standard(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return nullptr;
  const bool terminal = ::isatty(descriptor) == 1;
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    const std::string name = "/proc/self/fd/" + std::to_string(descriptor);
    const int own = ::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own >= 0) return std::shared_ptr<Output>(new Output(own, Kind::plain, terminal));
  }
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return nullptr;
  Kind kind = Kind::careful;
  if (S_ISSOCK(status.st_mode)) kind = Kind::socket;
  if (S_ISREG(status.st_mode)) kind = Kind::plain;
  return std::shared_ptr<Output>(new Output(copy, kind, terminal));
}

Output::~Output() {
  ::close(descriptor_);
}

Output::Written Output::write(std::string_view& bytes) {
  ssize_t count = -1;
  do {
    switch (kind_) {
      case Kind::plain:
        count = ::write(descriptor_, bytes.data(), bytes.size());
        break;
      case Kind::socket:
        count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Kind::careful: {
        // Could not be opened as our own: what poll() calls writable takes PIPE_BUF bytes without waiting.
        pollfd ready{descriptor_, POLLOUT, 0};
        if (::poll(&ready, 1, 0) == 0) return Written::would_block;
        count = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
        break;
      }
    }
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Written::would_block : Written::failed;
  bytes.remove_prefix(static_cast<std::size_t>(count));
  return Written::some;
}

void Output::wait(std::chrono::milliseconds at_most) const {
  pollfd ready{descriptor_, POLLOUT, 0};
  ::poll(&ready, 1, static_cast<int>(at_most.count()));
}

}  // namespace ai_proxy::telemetry
