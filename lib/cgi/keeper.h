/* Keeps the output open until this process is gone, for Apache's sake. */
#ifndef CGI_KEEPER_H
#define CGI_KEEPER_H

/*
 * Has another process end the output as soon as this one is gone, or, where
 * that could not be started or nobody would wait for it, only gives the server
 * time to fall asleep. To be called when nothing is left but exit() and what
 * libraries do there.
 */
void keeper_start(void);

#endif
