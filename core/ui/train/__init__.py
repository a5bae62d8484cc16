"""What the Train page is made of: where a run stands, its steering, the advice, and what there is to see."""
