// A library that is loaded by its path only: nothing is declared for others.
#ifndef ODDNCCL_H
#define ODDNCCL_H
#endif
