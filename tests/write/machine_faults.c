// Makes operations on files fail: loaded before all other libraries, it stands between them and the
// system. fault_set says which operation fails, on paths that contain what, with which errno, how
// many of them are let through first, and how many fail then (-1: all).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <dirent.h>
#include <pthread.h>

static char wanted_op[16], wanted_path[512];
static int wanted_errno, skip, times, hits;

void fault_set(const char *op, const char *path, int error, int skip_first, int how_often) {
    times = 0; hits = 0;
    snprintf(wanted_op, sizeof wanted_op, "%s", op);
    snprintf(wanted_path, sizeof wanted_path, "%s", path);
    wanted_errno = error; skip = skip_first; times = how_often;
}
int fault_hits(void) { return hits; }

static int fails(const char *op, const char *path) {
    if (!times || !path || strcmp(op, wanted_op) || !strstr(path, wanted_path)) return 0;
    if (__atomic_fetch_sub(&skip, 1, __ATOMIC_SEQ_CST) > 0) return 0;
    if (times > 0 && __atomic_fetch_sub(&times, 1, __ATOMIC_SEQ_CST) <= 0) { times = 0; return 0; }
    __atomic_fetch_add(&hits, 1, __ATOMIC_SEQ_CST);
    errno = wanted_errno;
    return 1;
}
static int fd_fails(const char *op, int fd) {
    char link[64], path[1024];
    if (!times || strcmp(op, wanted_op)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return fails(op, path);
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name) int name(const char *path, int flags, ...) { va_list a; va_start(a, flags); \
    int mode = va_arg(a, int); va_end(a); \
    if (fails((flags & (O_WRONLY|O_RDWR|O_CREAT)) ? "create" : "open", path)) return -1; \
    return REAL(name)(path, flags, mode); }
OPEN(open) OPEN(open64)
#define OPENAT(name) int name(int dir, const char *path, int flags, ...) { va_list a; va_start(a, flags); \
    int mode = va_arg(a, int); va_end(a); \
    if (fails((flags & (O_WRONLY|O_RDWR|O_CREAT)) ? "create" : "open", path)) return -1; \
    return REAL(name)(dir, path, flags, mode); }
OPENAT(openat) OPENAT(openat64)
FILE *fopen(const char *path, const char *mode) { if (fails(*mode == 'r' ? "open" : "create", path)) return 0; return REAL(fopen)(path, mode); }
FILE *fopen64(const char *path, const char *mode) { if (fails(*mode == 'r' ? "open" : "create", path)) return 0; return REAL(fopen64)(path, mode); }
ssize_t read(int fd, void *b, size_t n) { if (fd_fails("read", fd)) return -1; return REAL(read)(fd, b, n); }
ssize_t pread(int fd, void *b, size_t n, off_t o) { if (fd_fails("read", fd)) return -1; return REAL(pread)(fd, b, n, o); }
ssize_t pread64(int fd, void *b, size_t n, off64_t o) { if (fd_fails("read", fd)) return -1; return REAL(pread64)(fd, b, n, o); }
ssize_t write(int fd, const void *b, size_t n) { if (fd_fails("write", fd)) return -1; return REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { if (fd_fails("write", fd)) return -1; return REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { if (fd_fails("write", fd)) return -1; return REAL(pwrite64)(fd, b, n, o); }
ssize_t copy_file_range(int in, off64_t *oi, int out, off64_t *oo, size_t n, unsigned f) { if (fd_fails("write", out) || fd_fails("read", in)) return -1; return REAL(copy_file_range)(in, oi, out, oo, n, f); }
#include <sys/sendfile.h>
ssize_t sendfile(int out, int in, off_t *o, size_t n) { if (fd_fails("write", out) || fd_fails("read", in)) return -1; return REAL(sendfile)(out, in, o, n); }
ssize_t sendfile64(int out, int in, off64_t *o, size_t n) { if (fd_fails("write", out) || fd_fails("read", in)) return -1; return REAL(sendfile64)(out, in, o, n); }
int fsync(int fd) { if (fd_fails("fsync", fd)) return -1; return REAL(fsync)(fd); }
int fdatasync(int fd) { if (fd_fails("fsync", fd)) return -1; return REAL(fdatasync)(fd); }
int rename(const char *a, const char *b) { if (fails("rename", b)) return -1; return REAL(rename)(a, b); }
int renameat(int x, const char *a, int y, const char *b) { if (fails("rename", b)) return -1; return REAL(renameat)(x, a, y, b); }
int link(const char *a, const char *b) { if (fails("rename", b)) return -1; return REAL(link)(a, b); }
int linkat(int x, const char *a, int y, const char *b, int f) { if (fails("rename", b)) return -1; return REAL(linkat)(x, a, y, b, f); }
int unlink(const char *p) { if (fails("unlink", p)) return -1; return REAL(unlink)(p); }
int unlinkat(int d, const char *p, int f) { if (fails("unlink", p)) return -1; return REAL(unlinkat)(d, p, f); }
int mkdir(const char *p, mode_t m) { if (fails("mkdir", p)) return -1; return REAL(mkdir)(p, m); }
int mkdirat(int d, const char *p, mode_t m) { if (fails("mkdir", p)) return -1; return REAL(mkdirat)(d, p, m); }
#define STAT(name, type) int name(const char *p, struct type *s) { if (fails("stat", p)) return -1; return REAL(name)(p, s); }
STAT(stat, stat) STAT(stat64, stat64) STAT(lstat, stat) STAT(lstat64, stat64)
int fstat(int fd, struct stat *s) { if (fd_fails("stat", fd)) return -1; return REAL(fstat)(fd, s); }
int fstat64(int fd, struct stat64 *s) { if (fd_fails("stat", fd)) return -1; return REAL(fstat64)(fd, s); }
int fstatat(int d, const char *p, struct stat *s, int f) { if (fails("stat", p)) return -1; return REAL(fstatat)(d, p, s, f); }
int fstatat64(int d, const char *p, struct stat64 *s, int f) { if (fails("stat", p)) return -1; return REAL(fstatat64)(d, p, s, f); }
int __xstat(int v, const char *p, struct stat *s) { static int (*r)(int,const char*,struct stat*); if (fails("stat", p)) return -1; if(!r) r=dlsym(RTLD_NEXT,"__xstat"); return r(v,p,s);}
int __xstat64(int v, const char *p, struct stat64 *s) { static int (*r)(int,const char*,struct stat64*); if (fails("stat", p)) return -1; if(!r) r=dlsym(RTLD_NEXT,"__xstat64"); return r(v,p,s);}
int __fxstat64(int v, int fd, struct stat64 *s) { static int (*r)(int,int,struct stat64*); if (fd_fails("stat", fd)) return -1; if(!r) r=dlsym(RTLD_NEXT,"__fxstat64"); return r(v,fd,s);}
DIR *opendir(const char *p) { if (fails("list", p)) return 0; return REAL(opendir)(p); }
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) { if (fails("thread", "thread")) return wanted_errno; return REAL(pthread_create)(t, a, f, x); }
