#include "http/reserved_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

namespace ai_proxy::http {

ReservedDescriptors::ReservedDescriptors(std::size_t wanted) : wanted_(wanted) {
  held_.reserve(wanted);
  refill();
}

ReservedDescriptors::~ReservedDescriptors() {
  give_all();
}

bool ReservedDescriptors::give() {
  if (held_.empty()) return false;
  ::close(held_.back());
  held_.pop_back();
  return true;
}

void ReservedDescriptors::give_all() {
  while (give()) {
  }
}

void ReservedDescriptors::refill() {
  while (held_.size() < wanted_) {
    const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    held_.push_back(descriptor);
  }
}

}  // namespace ai_proxy::http
