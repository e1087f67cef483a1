#!/bin/sh
# A sweep as a Slurm array: sbatch examples/cluster/slurm.sh sweep.yaml
# Every task sees the folder of the sweep, here or on NFS. A task that is preempted or runs into its limit stops with a
# checkpoint; submitted again, the array goes on from there.
#SBATCH --job-name=kwta-sweep
#SBATCH --array=0-7
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -eu
cd "$SLURM_SUBMIT_DIR"
# exec: the signal that Slurm sends before the end goes to kwta itself.
exec npx kwta sweep "$1" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  --workers 2 --threads "$((SLURM_CPUS_PER_TASK / 2))"
