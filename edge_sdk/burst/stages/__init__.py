"""The stages as static graphs of operators that every phone runtime takes."""
