#include <cstdio>

int main() {
  std::puts("dure");
  return 0;
}
