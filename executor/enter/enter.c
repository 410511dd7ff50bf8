/*
 * enter: performs the steps that its arguments name, in order, and then becomes another program.
 *
 * The executor has a root directory of its own, so that nothing of an image can be loaded by it. Its command runs in the
 * image's root directory. Node.js can't change its root directory, so this program does: once on the way into the
 * executor's root, and once for each command on the way back (docs/decisions/0009).
 *
 * It uses no C library, opens only what its arguments name, and reads no environment variable. So nothing in an image can
 * change what it does while it has the executor's rights. It is freestanding, for Linux on x86_64 and aarch64.
 * `npm run enter:build` makes the two programs beside this file.
 *
 * Steps, one argument each:
 *   oFD:PATH  open PATH for reading as FD, without waiting and without making it the controlling terminal. If PATH
 *             can't be opened, FD becomes a copy of standard input.
 *   bFD       report failures on FD, which is closed in the program that follows
 *   mPATH     chmod 1777; failures are ignored
 *   l         forbid core dumps of this process and of all that it starts
 *   k         make this process the kernel's first choice when memory runs out; failures are ignored
 *   dFD       change to the directory that FD is, which is closed in the program that follows
 *   rPATH     change the root directory
 *   cPATH     change the working directory
 *   gGID      change to the group, and leave all others
 *   uUID      change to the user
 *   e         empty the environment
 *   xPATH     become the program PATH; if that fails as execvp(3) would skip it, go on with the next step
 *   --        the arguments of the program follow, its name first
 *
 * A failed step is reported as its letter and its errno ("u22"), and the exit code is 125. Of the steps x, the failure
 * that execvp(3) would return is reported. The letter is i if the file exists but its interpreter does not, and f if the
 * path is a directory.
 */

#if defined(__x86_64__)
enum { OPENAT = 257, CLOSE = 3, DUP3 = 292, FCNTL = 72, FCHMODAT = 268, FCHDIR = 81, CHDIR = 80, CHROOT = 161,
       SETGROUPS = 116, SETRESGID = 119, SETRESUID = 117, PRLIMIT64 = 302, EXECVE = 59, FACCESSAT = 269, WRITE = 1,
       EXIT_GROUP = 231 };
enum { O_DIRECTORY = 0200000 };
static long call4(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return result;
}
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall enter\n");
#elif defined(__aarch64__)
enum { OPENAT = 56, CLOSE = 57, DUP3 = 24, FCNTL = 25, FCHMODAT = 53, FCHDIR = 50, CHDIR = 49, CHROOT = 51,
       SETGROUPS = 159, SETRESGID = 149, SETRESUID = 147, PRLIMIT64 = 261, EXECVE = 221, FACCESSAT = 48, WRITE = 64,
       EXIT_GROUP = 94 };
enum { O_DIRECTORY = 040000 };
static long call4(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl enter\n");
#else
#error "enter is written for x86_64 and aarch64"
#endif

enum { AT_FDCWD = -100, O_WRONLY = 01, O_NOCTTY = 0400, O_NONBLOCK = 04000, O_CLOEXEC = 02000000 };
enum { RLIMIT_CORE = 4 };
enum { F_SETFD = 2, FD_CLOEXEC = 1, F_OK = 0, STDIN = 0, STDERR = 2, FAILED = 125 };
enum { ENOENT = 2, ENOEXEC = 8, EACCES = 13, EINVAL = 22, ENODEV = 19, ENOTDIR = 20, ESTALE = 116, ETIMEDOUT = 110 };

static int report_to = STDERR;

static long call(long number, long a, long b) { return call4(number, a, b, 0, 0); }

static _Noreturn void fail(char letter, long error) {
  char text[16];
  int at = sizeof text;
  text[--at] = '\n';
  for (long left = error; at > 1; left /= 10) {
    text[--at] = (char)('0' + left % 10);
    if (left < 10) break;
  }
  text[--at] = letter;
  call4(WRITE, report_to, (long)(text + at), (long)sizeof text - at, 0);
  for (;;) call(EXIT_GROUP, FAILED, 0);
}

/* Parses a number that ends with `end`, and moves past it. */
static long number(const char **text, char letter, char end) {
  const char *at = *text;
  long value = 0;
  if (*at < '0' || *at > '9') fail(letter, EINVAL);
  for (; *at >= '0' && *at <= '9' && value < 0xffffffff; at += 1) value = value * 10 + (*at - '0');
  if (*at != end || value >= 0xffffffff) fail(letter, EINVAL);
  *text = at + 1;
  return value;
}

static void open_as(const char *operand) {
  long wanted = number(&operand, 'o', ':');
  long fd = call4(OPENAT, AT_FDCWD, (long)operand, O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  long result = fd == wanted ? call4(FCNTL, fd, F_SETFD, 0, 0) : call4(DUP3, fd < 0 ? STDIN : fd, wanted, 0, 0);
  if (result < 0) fail('o', -result);
  if (fd >= 0 && fd != wanted) call(CLOSE, fd, 0);
}

static void become_oom_victim(void) {
  long fd = call4(OPENAT, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  call4(WRITE, fd, (long)"1000", 4, 0);
  call(CLOSE, fd, 0);
}

/* The hard limit too: no right is needed to lower it, and the command has none to raise it. */
static long forbid_core_dumps(void) {
  const unsigned long long none[2] = {0, 0};
  return call4(PRLIMIT64, 0, RLIMIT_CORE, (long)none, 0);
}

static long change(char letter, const char *operand) {
  long id;
  switch (letter) {
    case 'b':
      report_to = (int)number(&operand, letter, 0);
      return call4(FCNTL, report_to, F_SETFD, FD_CLOEXEC, 0);
    case 'm':
      call4(FCHMODAT, AT_FDCWD, (long)operand, 01777, 0);
      return 0;
    case 'l':
      return forbid_core_dumps();
    case 'k':
      become_oom_victim();
      return 0;
    case 'd':
      id = number(&operand, letter, 0);
      call4(FCNTL, id, F_SETFD, FD_CLOEXEC, 0);
      return call(FCHDIR, id, 0);
    case 'r':
      return call(CHROOT, (long)operand, 0);
    case 'c':
      return call(CHDIR, (long)operand, 0);
    case 'g':
      id = call(SETGROUPS, 0, 0);
      if (id < 0) return id;
      id = number(&operand, letter, 0);
      return call4(SETRESGID, id, id, id, 0);
    case 'u':
      id = number(&operand, letter, 0);
      return call4(SETRESUID, id, id, id, 0);
    default:
      return -EINVAL;
  }
}

/* Why a program did not start. All 0 before the first try. */
struct refusal {
  char letter;
  long error;
};

/* True if execvp(3) would not try the next path. */
static int is_final(long error) {
  return error != ENOENT && error != EACCES && error != ENOTDIR && error != ENODEV && error != ESTALE &&
         error != ETIMEDOUT;
}

/* `argv` is the argument "--". For a script without an interpreter line, /bin/sh and the path replace it and the name. */
static void become(const char *path, char **argv, char **environment, struct refusal *refusal) {
  long error = -call4(EXECVE, (long)path, (long)(argv + 1), (long)environment, 0);
  char letter = 'x';
  if (error == ENOEXEC) {
    char *separator = argv[0], *name = argv[1];
    argv[0] = (char *)"/bin/sh";
    argv[1] = (char *)path;
    call4(EXECVE, (long)argv[0], (long)argv, (long)environment, 0);
    argv[0] = separator;
    argv[1] = name;
  }
  if (error == ENOENT && call4(FACCESSAT, AT_FDCWD, (long)path, F_OK, 0) == 0) letter = 'i';
  if (error == EACCES) {
    long fd = call4(OPENAT, AT_FDCWD, (long)path, O_DIRECTORY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd >= 0) letter = 'f';
    if (fd >= 0) call(CLOSE, fd, 0);
  }
  if (is_final(error)) fail(letter, error);
  /* If several paths fail, a file that exists but can't be executed is reported. */
  if (refusal->letter == 0 || (refusal->error != EACCES && (error == EACCES || letter == 'i'))) {
    refusal->letter = letter;
    refusal->error = error;
  }
}

static int is_end(const char *step) { return step[0] == '-' && step[1] == '-' && step[2] == 0; }

__attribute__((used)) _Noreturn void enter(long *stack) {
  char **argv = (char **)(stack + 1);
  char **environment = argv + stack[0] + 1;
  char **steps = argv + (stack[0] > 0);
  char **end = steps;
  struct refusal refusal = {0, 0};
  while (*end != 0 && !is_end(*end)) end += 1;
  if (*end == 0 || end[1] == 0) fail('-', EINVAL);
  for (; steps < end; steps += 1) {
    const char *operand = *steps + 1;
    char letter = **steps;
    if (letter == 'o') {
      open_as(operand);
    } else if (letter == 'e') {
      while (*environment != 0) environment += 1;
    } else if (letter == 'x') {
      become(operand, end, environment, &refusal);
    } else {
      long result = change(letter, operand);
      if (result < 0) fail(letter, -result);
    }
  }
  fail(refusal.letter == 0 ? 'x' : refusal.letter, refusal.letter == 0 ? ENOENT : refusal.error);
}
