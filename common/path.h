/*
 * path - names of files as text; nothing here looks at the disk.
 */
#ifndef COMMON_PATH_H
#define COMMON_PATH_H

/*
 * path_join - "dir/path" cleaned of "//", "/./" and "x/..", malloc'ed, yours; "." when nothing is
 * left; NULL: no memory.  An absolute path is put below dir too, as nats-server does for includes.
 * path_dir - everything before the last '/', cleaned; "." when there is none.
 * path_base - what stands behind the last '/', borrowed.
 */
char *path_join(const char *dir, const char *path);
char *path_dir(const char *path);
const char *path_base(const char *path);

#endif
